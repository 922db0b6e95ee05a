"use strict";
// Where a login lives on after its short token, the browser gets a new one before it asks anybody to log in again.
const MARK = "nagare.login";
const isIn = document.body.dataset.user !== "";
async function comeBack() {
  const answer = await fetch("/api/v1/auth/refresh", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
  });
  if (answer.ok) location.reload(); else localStorage.removeItem(MARK);
}
if (isIn) localStorage.setItem(MARK, "1");
else if (localStorage.getItem(MARK) && document.body.dataset.fault === undefined) comeBack().catch(() => {});
