"""``[[scrape]]``: a list of tables that stands in no section, and what its jobs may not say."""

from pathlib import Path

import pytest

from nagare.config.changes import compare
from nagare.config.load import Loaded, Sources, load_settings
from nagare.config.settings import ScrapeJob
from nagare.errors import ConfigError

JOB = "[[scrape]]\njob = 'node'\nurls = ['http://10.0.0.5:9100/metrics']\n"


def _load(directory: Path, text: str = "", **environment: str) -> Loaded:
    (directory / "nagare.toml").write_text(text)
    return load_settings({}, Sources(environment, directory, None, None, data=directory / "data"))


def test_jobs_stand_in_the_file_as_tables(tmp_path: Path) -> None:
    text = (
        JOB
        + "interval_seconds = '1m'\nlabels = { env = 'prod' }\nbearer_token_file = 'token'\n"
        + JOB.replace("node", "db")
    )
    loaded = _load(tmp_path, text)
    node, db = loaded.settings.scrape
    assert (node.job, node.interval_seconds, dict(node.labels)) == ("node", 60.0, {"env": "prod"})
    assert node.bearer_token_file == tmp_path / "token"
    assert (db.job, db.interval_seconds, db.deadline_seconds, db.honor_labels) == ("db", 15.0, 10.0, False)
    assert str(loaded.origins["scrape"]) == f"{tmp_path / 'nagare.toml'} line 1"


def test_jobs_may_come_from_the_environment(tmp_path: Path) -> None:
    loaded = _load(tmp_path, NAGARE_SCRAPE='[{"job": "a", "urls": ["http://a:1/m"]}]', NAGARE_OTHER="not ours")
    assert [job.urls for job in loaded.settings.scrape] == [("http://a:1/m",)]


def test_a_reload_takes_up_other_jobs(tmp_path: Path) -> None:
    before, after = _load(tmp_path).settings, _load(tmp_path, JOB).settings
    assert compare(before, after).live == ("scrape",)
    assert compare(before, after).restart == ()


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("interval = 5\n", "scrape[0].interval from {file} line 1: unknown key"),
        ("urls = 5\n", "expected a list of texts"),
        ("urls = []\n", "give both job and urls"),
        ("job = ''\n", "give both job and urls"),
        ("urls = ['10.0.0.5:9100']\n", "job 'node': a URL is not"),
        ("urls = ['http://user:secret@a/']\n", "it carries a user or a password"),
        ("urls = ['http://a/', 'http://a/']\n", "a URL stands there twice"),
        ("username = 'me'\n", "give username with password_file"),
        ("password_file = 'x'\n", "give username with password_file"),
        ("username = 'me'\npassword_file = 'x'\nbearer_token_file = 'y'\n", "give username with password_file"),
        ("interval_seconds = 5\ntimeout_seconds = 10\n", "timeout_seconds, 10, is longer than interval_seconds, 5"),
        ("keep = ['(']\n", "'(' is no regular expression"),
        ("labels = { 'a-b' = 'x' }\n", "'a-b' is no label name"),
        ("labels = { '__name__' = 'x' }\n", "'__name__' is no label name"),
        (JOB, "job 'node': another job has that name"),
    ],
)
def test_what_a_job_may_not_say(tmp_path: Path, more: str, fault: str) -> None:
    keys = {line.partition(" =")[0] for line in more.splitlines()}
    text = more if more == JOB else "".join(f"{line}\n" for line in more.splitlines())
    head = (
        JOB if more == JOB else "".join(line + "\n" for line in JOB.splitlines() if line.partition(" =")[0] not in keys)
    )
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, head + text)
    assert fault.format(file=tmp_path / "nagare.toml") in caught.value.message
    assert "secret" not in caught.value.message


def test_a_single_table_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a list of tables"):
        _load(tmp_path, JOB.replace("[[scrape]]", "[scrape]"))


@pytest.mark.parametrize("networks", ["10.0.0.0/8, fd00::/8", "127.0.0.1"])
def test_networks_that_may_send_statsd(tmp_path: Path, networks: str) -> None:
    loaded = _load(tmp_path, NAGARE_STATSD__NETWORKS=networks, NAGARE_STATSD__LISTEN="127.0.0.1:0")
    assert loaded.settings.statsd.networks == tuple(part.strip() for part in networks.split(","))
    with pytest.raises(ConfigError, match="is no network"):
        _load(tmp_path, NAGARE_STATSD__NETWORKS="10.0.0.1/8")
    with pytest.raises(ConfigError, match="not HOST:PORT"):
        _load(tmp_path, NAGARE_STATSD__LISTEN="8125")


def test_a_short_interval_bounds_a_scrape_by_itself() -> None:
    assert ScrapeJob(interval_seconds=2.0).deadline_seconds == 2.0
    assert ScrapeJob(interval_seconds=60.0).deadline_seconds == 10.0
    assert ScrapeJob(interval_seconds=60.0, timeout_seconds=30.0).deadline_seconds == 30.0
