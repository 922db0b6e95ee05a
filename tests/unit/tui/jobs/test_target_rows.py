"""What can be chosen as targets, how typing finds it, and which hosts it means: as the server would say."""

from hypothesis import given
from hypothesis import strategies as st

from nagare.tui.jobs.target_rows import Fleet, TargetRow, hosts_meant, matching, rows_of

FLEET = Fleet(
    {
        "web-1": {"role": "web", "env": "prod"},
        "web-2": {"role": "web", "env": "lab"},
        "db-1": {"role": "db", "env": "prod", "rack": "a b"},
    },
    {"front": ["web-1", "web-2", "gone-1"], "none": []},
)
ROWS = rows_of(FLEET)
WORDS = st.sampled_from([row.word for row in ROWS])


def test_each_has_its_number_of_hosts() -> None:
    counts = {row.word: row.count for row in ROWS}
    assert counts == {
        "*": 3, "@front": 3, "@none": 0, "env=lab": 1, "env=prod": 2, "role=db": 1, "role=web": 2,
        "db-1": 1, "web-1": 1, "web-2": 1,
    }  # fmt: skip


def _found(text: str) -> list[str]:
    return [row.word for row in matching(ROWS, text)]


def test_typing_finds_the_nearest_first() -> None:
    assert _found("web") == ["web-1", "web-2", "role=web"]
    assert _found("rwb") == ["role=web"]
    assert _found("group") == ["@front", "@none"]
    assert _found("prod env") == ["env=prod"]
    assert _found("") == [row.word for row in ROWS]
    assert _found("zz") == []


def test_names_and_groups_are_joined_and_labels_must_all_fit() -> None:
    assert hosts_meant(["*"], FLEET) == ["db-1", "web-1", "web-2"]
    assert hosts_meant(["@front", "db-1"], FLEET) == ["db-1", "web-1", "web-2"]
    assert hosts_meant(["role=web", "env=prod"], FLEET) == ["web-1"]
    assert hosts_meant(["role=db", "env=lab", "web-2"], FLEET) == ["web-2"]
    assert hosts_meant(["nobody", "@nothing"], FLEET) == []


@given(st.lists(WORDS, unique=True), st.text(max_size=6))
def test_whatever_is_typed_finds_rows_that_there_are_and_means_hosts_that_there_are(
    words: list[str], text: str
) -> None:
    assert set(matching(ROWS, text)) <= set(ROWS)
    assert set(hosts_meant(words, FLEET)) <= FLEET.hosts.keys()


def test_a_label_that_the_form_cannot_take_is_not_offered() -> None:
    assert TargetRow("rack=a b", "label", 1) not in ROWS
