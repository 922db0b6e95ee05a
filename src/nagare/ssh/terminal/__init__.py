"""Terminal emulators behind one small protocol, and what keys, the mouse and pastes are to the program in them."""
