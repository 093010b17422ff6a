"""Paths and URLs of databases: what is understood, and that no password is shown."""

import logging
import os
import sys
from pathlib import Path

import pytest
import yaml
from records import record

from src.cli import main, parse
from src.dataset.database import Database, write_records
from src.dataset.location import as_location
from src.errors import ConfigError, DatabaseError
from src.runtime.provenance import hide_passwords
from src.training.config import TrainJob
from src.training.output import as_yaml, keep_config

URL = "postgresql://ann:s3cret@host:5432/xanes"
SHOWN = "postgresql://ann:***@host:5432/xanes"


@pytest.mark.parametrize(
    "text",
    [
        URL,
        "postgres://ann:s3cret@host/x?connect_timeout=3",
        "postgresql:/ann:s3cret@host/x",  # as a Path spoils it
        "mysql://ann:s3cret@host/x",
        "postgresql://ann:a/s3cret@host/x",
        "postgresql://ann:a@s3cret@host/x",
        "postgresql://ann:a s3cret@host/x",
        "postgresql://:s3cret@host/x",
        "postgresql://ann@host/x?password=s3cret&sslmode=require",
        "postgresql://ann@host/x?sslmode=require&sslpassword=s3cret",
        f"two: {URL} and\n{URL}",
    ],
)
def test_passwords_are_hidden(text):
    assert "***" in hide_passwords(text)
    assert "s3cret" not in hide_passwords(text)


def test_no_more_than_the_password_is_hidden():
    text = "{0}: no answer; and {0}: refused; ask me@home"
    assert hide_passwords(text.format(URL)) == text.format(SHOWN)


@pytest.mark.parametrize(
    "text",
    [URL.replace(":s3cret", ""), "a/b.db", "8:30 me@host", "http://host:80/x is down; ask me@home"],
)
def test_text_without_a_password_is_not_changed(text):
    assert hide_passwords(text) == text


def test_text_becomes_a_path_or_a_url():
    assert as_location("a/b.db") == as_location(Path("a/b.db")) == Path("a/b.db")
    url = as_location(URL)
    assert (url.secret, str(url), repr(url)) == (URL, SHOWN, SHOWN)
    assert as_location(url) is url


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("mysql://ann:s3cret@host/x", "'mysql'"),
        ("https://host/cu.db", "'https'"),
        ("postgresql://ann:s3cret@host", "names no database"),
        ("postgresql://ann:s3cret@host/", "names no database"),
    ],
)
def test_other_urls_are_refused_without_their_passwords(value, message, capsys):
    with pytest.raises(ConfigError, match=message) as caught:
        as_location(value)
    assert main(["info", value]) == 2
    assert main(["dataset", "a", "-o", value]) == 2
    assert main(["evaluate", "a", value, "--idz", value]) == 2
    shown = "".join(capsys.readouterr()) + str(caught.value)
    assert message in shown
    assert "s3cret" not in shown


def test_jobs_do_not_show_a_password():
    words = ["train", URL, "-o", "x"], ["dataset", "a", "-o", URL], ["evaluate", "m", URL]
    jobs = [TrainJob(URL, Path("out")), *(parse(command)[1] for command in words)]
    for job in jobs:
        assert "s3cret" not in repr(job)
        assert SHOWN in repr(job)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(DatabaseError, match=r"psycopg2.*e3gnn-xanes\[postgresql\]") as caught:
        Database(URL)
    assert "s3cret" not in str(caught.value)


def test_training_leaves_no_password(tmp_path, monkeypatch, capsys, caplog):
    """Settings are kept when the database has been read; here that fails, so it is done before."""

    def keep_and_read(job):
        keep_config(job.output, as_yaml(job))
        Database(job.database)

    monkeypatch.setitem(sys.modules, "psycopg2", None)
    monkeypatch.setattr("src.workflow.read_data", keep_and_read)
    monkeypatch.setattr(  # else a refused training's settings are removed
        "src.training.output.contains_training", lambda folder: (folder / "config.yaml").exists()
    )
    with caplog.at_level(logging.DEBUG):
        assert main(["--debug", "train", URL, "-o", str(tmp_path / "out")]) == 1
    shown = "".join(capsys.readouterr()) + caplog.text
    files = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert set(files) == {"config.yaml", "log.txt"}
    assert yaml.safe_load(files["config.yaml"])["database"] == SHOWN
    assert "s3cret" not in shown + "".join(files.values())
    assert SHOWN in shown


@pytest.mark.skipif("E3GNN_POSTGRES_URL" not in os.environ, reason="needs an empty schema's URL")
def test_records_are_on_a_server_as_in_a_file(tmp_path):
    url, records = os.environ["E3GNN_POSTGRES_URL"], [record(site) for site in (0, 1)]
    for where in (url, tmp_path / "x.db"):
        assert write_records(where, records).added == 2
        assert write_records(where, records).unchanged == 2
    server, file = Database(url), Database(tmp_path / "x.db")
    assert (server.ids, server.digest) == (file.ids, file.digest)
    assert vars(server.contents()) == vars(file.contents())
    assert [r.digest for r in server.records(server.ids)] == [r.digest for r in records]
    changed = record(mu=2 * record().mu)
    with pytest.raises(DatabaseError, match="mp-1_000 already exists"):
        write_records(url, [record(1, "new"), changed])
    assert Database(url).digest == file.digest  # nor was the first of the two kept
    assert write_records(url, [changed], replace=True).replaced == 1
    assert Database(url).record(changed.id).digest == changed.digest
