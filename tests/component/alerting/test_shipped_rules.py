"""Every shipped rule in one course of calm, wrong and calm again, by its real statement over a real store."""

from pathlib import Path

import pytest

from nagare.cli.offline.rules_trial import read_trials, run_trial
from nagare.config.alert_rules.load import shipped_rules

FILE = Path(__file__).with_name("shipped.test.toml")
FOUND, RULES = read_trials(FILE)


def test_every_shipped_rule_has_a_course() -> None:
    assert sorted(trial.rule for trial in FOUND.trials) == sorted(shipped_rules().rules)


@pytest.mark.parametrize("place", range(len(FOUND.trials)), ids=[trial.rule for trial in FOUND.trials])
async def test_a_shipped_rule_fires_when_it_should_and_ends(place: int) -> None:
    outcome = await run_trial(FILE.name, FOUND.trials[place], RULES, place)
    assert outcome.differences == []
