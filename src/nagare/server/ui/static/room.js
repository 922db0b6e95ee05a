"use strict";
// The dashboard's page: a terminal in the browser at one end of a WebSocket, its program at the server at the other.

// The terminal makes style elements; they carry the mark of this very page, or the browser would not take them.
const nonce = document.body.dataset.nonce;
const makeElement = document.createElement.bind(document);
document.createElement = (name, options) => {
  const made = makeElement(name, options);
  if (name === "style") made.nonce = nonce;
  return made;
};

const bar = document.getElementById("bar");
const barText = document.getElementById("bar-text");
const barButton = document.getElementById("bar-button");
const DESK = "nagare.desk";
// How long to wait before the next try, and after how many tries only a person tries again.
const WAITS_MS = [250, 500, 1000, 2000, 4000, 8000];
const TRIES = 40;
const CLIPBOARD_LIMIT = 1 << 20;

const terminal = new Terminal({
  allowProposedApi: false, cursorBlink: false, convertEol: false, scrollback: 0, fontSize: 15,
  fontFamily: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace',
  theme: { background: "#0b0e12", foreground: "#d5dce4" }, macOptionIsMeta: true, rightClickSelectsWord: false,
  linkHandler: { activate: (_event, text) => { if (/^https?:/.test(text)) open(text, "_blank", "noopener,noreferrer"); } },
});
const fit = new FitAddon.FitAddon();
terminal.loadAddon(fit);
terminal.open(document.getElementById("terminal"));
fit.fit();
terminal.focus();

let socket = null;
let tries = 0;
let isOver = false;
let refreshAt = 0;
const encoder = new TextEncoder();

function say(text, action, onAction) {
  barText.textContent = text;
  bar.classList.toggle("shown", text !== "");
  bar.classList.toggle("over", isOver);
  barButton.hidden = !action;
  barButton.textContent = action || "";
  barButton.onclick = onAction || null;
  fit.fit();
}

// The cookie that opens the socket is short-lived: a new one comes before the old one ends, as long as this page is open.
async function stayIn() {
  if (Date.now() < refreshAt) return true;
  const answer = await fetch("/api/v1/auth/refresh", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
  });
  if (answer.status === 401 || answer.status === 403) return false;
  if (!answer.ok) throw new Error("refused");
  refreshAt = Date.now() + (await answer.json()).expires_seconds * 800;
  return true;
}

async function connect() {
  try {
    if (!(await stayIn())) {
      isOver = true;
      say("Your login has ended.", "Log in", () => { location.href = "/ui"; });
      return;
    }
  } catch {
    again();
    return;
  }
  const url = new URL("/ui/ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => tell({
    op: "open", columns: columns(), rows: rows(), desk: sessionStorage.getItem(DESK) || "",
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone || "",
  });
  socket.onmessage = (message) => {
    if (typeof message.data === "string") hear(JSON.parse(message.data));
    else terminal.write(new Uint8Array(message.data));
  };
  socket.onclose = () => { socket = null; if (!isOver) again(); };
}

function again() {
  tries += 1;
  if (tries > TRIES) {
    say("No connection to the server.", "Try again", () => { tries = 0; connect(); });
    return;
  }
  say("Connection lost, trying again …");
  setTimeout(connect, WAITS_MS[Math.min(tries, WAITS_MS.length) - 1]);
}

function hear(frame) {
  if (frame.op === "opened") {
    tries = 0;
    sessionStorage.setItem(DESK, frame.desk);
    say("");
    if (frame.is_new) terminal.reset();
    document.body.dataset.desk = frame.is_new ? "new" : "returned";
    terminal.focus();
  } else if (frame.op === "ended") {
    isOver = true;
    sessionStorage.removeItem(DESK);
    if (frame.why === "you left the dashboard") { location.href = "/ui"; return; }
    const text = frame.why.charAt(0).toUpperCase() + frame.why.slice(1);
    say(text + ".", "Open again", () => { isOver = false; tries = 0; connect(); });
  } else if (frame.op === "file") {
    const link = makeElement("a");
    link.href = URL.createObjectURL(new Blob([frame.content], { type: "application/octet-stream" }));
    link.download = frame.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
}

function tell(frame) { if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame)); }
function columns() { return Math.min(500, Math.max(10, terminal.cols)); }
function rows() { return Math.min(200, Math.max(4, terminal.rows)); }
// What is pasted may be long: it goes in pieces that the server takes.
function type(bytes) {
  for (let from = 0; from < bytes.length; from += 32768) {
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(bytes.subarray(from, from + 32768));
  }
}

terminal.onData((text) => type(encoder.encode(text)));
terminal.onBinary((text) => type(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
terminal.onResize(() => tell({ op: "resize", columns: columns(), rows: rows() }));
terminal.onTitleChange((title) => { document.title = title || "Nagare"; });
new ResizeObserver(() => fit.fit()).observe(document.getElementById("terminal"));
addEventListener("focus", () => tell({ op: "focus", is_focused: true }));
addEventListener("blur", () => tell({ op: "focus", is_focused: false }));
// Kept in its life by this page alone: while it is not open, its login grows old.
setInterval(() => { if (socket) stayIn().then((isIn) => { if (!isIn) socket?.close(); }, () => {}); }, 30000);

// Copying: the dashboard asks for it (OSC 52), and a browser lets a page do so when a person has just pressed a key.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("");
  } catch {
    const count = text.split("\n").length;
    say(`To copy: ${count === 1 ? text.slice(0, 60) : `${count} lines`}`, "Copy", () => copyByHand(text));
  }
}
// Without TLS a browser gives pages no clipboard; the old way works by a press of a button.
function copyByHand(text) {
  const area = makeElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  say("");
  terminal.focus();
}
terminal.parser.registerOscHandler(52, (sent) => {
  const encoded = sent.slice(sent.indexOf(";") + 1);
  if (encoded === "?" || encoded.length > CLIPBOARD_LIMIT) return true; // nothing of the clipboard is told
  try {
    copy(new TextDecoder().decode(Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0))));
  } catch { /* no text */ }
  return true;
});
// The dashboard takes the mouse, so text is marked with Shift; these copy what is marked.
terminal.attachCustomKeyEventHandler((event) => {
  const isCopy = event.code === "KeyC" && ((event.ctrlKey && event.shiftKey) || event.metaKey);
  if (event.type === "keydown" && isCopy && terminal.hasSelection()) {
    copy(terminal.getSelection());
    event.preventDefault();
    return false;
  }
  return true;
});

connect();
