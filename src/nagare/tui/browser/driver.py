"""What stands in for a terminal: paint goes to standard output, keys and sizes come from standard input, in packets.

The packets are those of the framework's own driver for the web; beside them there are two of ours: ``repaint``, for a page
that comes back to a dashboard that lived on, and ``file``, for what a person takes away.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Literal, TextIO

from textual.drivers.web_driver import WebDriver

from nagare.tui.export import BROWSER_LIMIT_CHARACTERS


class BrowserDriver(WebDriver):
    """Draws for a page that may go and come back."""

    def run_input_thread(self) -> None:
        """Read until the server closes the pipe, and end at once then: nobody is left to draw for."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            os._exit(0)

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """Do what the server asks; called in the thread that reads."""
        if packet_type == "repaint":
            self._app.call_later(self._repaint)
        else:
            super().on_meta(packet_type, payload)

    def deliver_binary(  # noqa: PLR0913  as the framework calls it
        self,
        binary: BinaryIO | TextIO,
        *,
        delivery_key: str,  # noqa: ARG002  as above
        save_path: Path,
        open_method: Literal["browser", "download"] = "download",  # noqa: ARG002  as above
        encoding: str | None = None,  # noqa: ARG002  as above
        mime_type: str | None = None,  # noqa: ARG002  as above
        name: str | None = None,  # noqa: ARG002  as above
    ) -> None:
        """Give the person at the page a file, whole and as text."""
        content = binary.read(BROWSER_LIMIT_CHARACTERS)
        binary.close()
        text = content.decode(errors="replace") if isinstance(content, bytes) else content
        self.write_meta({"type": "file", "name": save_path.name, "content": text})

    def _repaint(self) -> None:
        # The page's terminal is as new: what it was told once is told again.
        self.write("\x1bc\x1b[?1049h\x1b[?25l")
        self._enable_mouse_support()
        self._enable_bracketed_paste()
        self._app.refresh(layout=True)
