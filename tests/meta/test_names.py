"""One word, one meaning: names that say nothing are not used for our own things."""

import re

from tests.support.source import modules

# Nouns for a thing that nobody could name.
EMPTY_WORDS = {"manager", "helper", "helpers", "util", "utils", "common", "misc"}
# Fine as the first part of a name, empty as the thing itself.
EMPTY_NOUNS = {"data", "info", "handle", "process"}
# name -> reason
EXCEPTIONS = {
    "NagareError": "the root of the exception tree, named by its package as users catch it",
    "NoData": "the designed state of a panel that has no data to show",
    "nagare.tui.widgets.no_data": "the widget of that name",
    "_Process": "the parts of one operating-system process, which is what the word means here",
    "nagare.collect.process": "a collector's file is named by its table",
    "nagare.tui.screens.process": "a screen's file is named by its table",
}


def _words(name: str) -> list[str]:
    return [word.lower() for part in name.split("_") for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", part)]


def _faults(name: str, full: str) -> list[str]:
    words = _words(name)
    if full in EXCEPTIONS or not words:
        return []
    faults = [word for word in words if word in EMPTY_WORDS]
    if words[-1] in EMPTY_NOUNS:
        faults.append(words[-1])
    return [f"{full}: {fault!r} names nothing" for fault in faults]


def test_modules_have_names_that_say_something() -> None:
    faults = [fault for module in modules() for fault in _faults(module.name.rsplit(".", 1)[-1], module.name)]
    assert faults == []


def test_classes_have_names_that_say_something() -> None:
    faults = []
    for module in modules():
        for node in module.classes():
            faults += _faults(node.name, node.name)
            if "Nagare" in node.name and node.name not in EXCEPTIONS:
                faults.append(f"{module.where}: {node.name} carries the product's name")
    assert faults == []
