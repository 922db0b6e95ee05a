"""What of the map is drawn: states as glyph, word and colour, the way of the cursor, and only what is seen."""

from nagare.model.network.build import USUAL_LABELS, HostSeen, ProbeSeen, build_network
from nagare.model.network.graph import Network
from nagare.tui.network.drawing import Seen, draw_map, pair_states
from nagare.tui.network.layout import lay_out
from nagare.tui.network.scene import Scene, look_at
from nagare.tui.network.svg import map_svg
from nagare.tui.renderables.canvas import lines_text
from nagare.tui.renderables.palette import make_palette

WIDTH = 60


def small() -> Network:
    """Return a gateway, a switch on it that fell, two hosts behind that, and a slow probe."""
    hosts = [
        HostSeen("gw-1", "up"),
        HostSeen("sw-1", "down", {"gateway": "gw-1"}),
        HostSeen("web-1", "down", {"switch": "sw-1"}),
        HostSeen("web-2", "stale", {"switch": "sw-1"}),
    ]
    probe = ProbeSeen("gw-1", "1.1.1.1", "icmp", success=True, latency_seconds=0.7, loss_ratio=0.0)
    return build_network(hosts, [probe], USUAL_LABELS)


def _drawn(scene: Scene, seen: Seen | None = None, *, ascii_only: bool = False) -> list[str]:
    layout = lay_out(scene.network, WIDTH)
    seen = seen or Seen(0, 0, WIDTH, layout.height)
    palette = make_palette(ascii_only=ascii_only)
    return lines_text(draw_map(layout, scene, pair_states(scene.network), seen, palette))


def test_layers_lines_frames_and_how_many_hang_on_a_node() -> None:
    assert [line.rstrip() for line in _drawn(look_at(small(), ""))] == [
        " ▲ 1.1.1.1 warn    ▾4",
        " └─┐",
        "   ◶",
        " ● gw-1    up      ▾3",
        " └─┐",
        "   ◌",
        " ○ sw-1    down    ▾2",
        " └─┐",
        "   ○",
        "╭─────────────────────────────────────╮",
        "│ ○ web-1   down     ◌ web-2   stale  │",
        "╰───────────────────────────────── 2 ─╯",
    ]


def test_the_way_of_the_cursor_is_marked_without_colour() -> None:
    lines = [line.rstrip() for line in _drawn(look_at(small(), "host/gw-1"))]
    assert lines[0].startswith("▴▲ 1.1.1.1")
    assert lines[1] == " ┗━┓"
    assert lines[3].startswith("›● gw-1")
    assert "▾○ web-1" in lines[10]
    assert lines[4] == " ┗━┓"
    assert [line.rstrip() for line in _drawn(look_at(small(), "host/web-1"))][10].startswith("│›○ web-1")


def test_ascii_is_ascii() -> None:
    text = "\n".join(_drawn(look_at(small(), "host/gw-1"), ascii_only=True))
    assert text.isascii()
    for part in ("^! 1.1.1.1", ">+ gw-1", "v- web-1", "#=#", "  z"):
        assert part in text


def test_what_the_filter_left_out_is_named_and_dim() -> None:
    lines = _drawn(look_at(small(), "", frozenset({"host/web-1"})))
    assert lines[0].rstrip() == " · 1.1.1.1"
    assert "○ web-1   down     · web-2" in lines[10]


def test_only_what_is_seen_is_drawn() -> None:
    whole = _drawn(look_at(small(), ""))
    assert _drawn(look_at(small(), ""), Seen(0, 3, WIDTH, 5)) == whole[3:8]
    assert _drawn(look_at(small(), ""), Seen(2, 0, 20, 3)) == [line[2:22] for line in whole[:3]]


def test_a_name_that_steers_terminals_is_harmless_on_the_map_and_in_the_drawing() -> None:
    network = build_network([HostSeen("a", "up", {"switch": "\x1b[2J<b>&"})], [], USUAL_LABELS)
    assert "\x1b" not in "".join(_drawn(look_at(network, "")))
    svg = map_svg(lay_out(network, WIDTH), look_at(network, ""), make_palette(), "Network")
    assert "\x1b" not in svg
    assert "<b>" not in svg


def test_the_drawing_says_states_in_words() -> None:
    network = small()
    svg = map_svg(lay_out(network, WIDTH), look_at(network, ""), make_palette(), "Network")
    for part in ("<svg ", ">gw-1<", ">down<", ">stale<", "3 behind", "stroke-dasharray", "</svg>"):
        assert part in svg
