"""Paths and URLs of databases: what is understood, and that no password is shown."""

import logging
import sys
from pathlib import Path

import pytest
import yaml

from src.cli import main, parse
from src.dataset.database import Database, write_records
from src.dataset.location import DatabaseURL, as_location
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
def test_passwords_are_hidden_wherever_they_stand(text):
    hidden = hide_passwords(text)
    assert "s3cret" in text  # negative control
    assert "s3cret" not in hidden
    assert "***" in hidden


@pytest.mark.parametrize(
    "text",
    ["postgresql://ann@host:5432/xanes", "postgresql://host:5432/x", "a/b.db", "8:30 me@host"],
)
def test_text_without_a_password_is_not_changed(text):
    assert hide_passwords(text) == text


def test_text_becomes_a_path_or_a_url():
    assert as_location("a/b.db") == Path("a/b.db")
    assert as_location(Path("a/b.db")) == Path("a/b.db")
    url = as_location(URL)
    assert isinstance(url, DatabaseURL)
    assert url.secret == URL
    assert as_location(url) is url
    assert str(url) == f"{url}" == SHOWN


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("mysql://ann:s3cret@host/x", "'mysql'"),
        ("https://host/cu.db", "'https'"),
        ("postgresql://ann:s3cret@host", "names no database"),
        ("postgresql://ann:s3cret@host/", "names no database"),
    ],
)
def test_what_is_not_understood_is_refused_without_its_password(value, message):
    for use in (as_location, Database, lambda url: write_records(url, [])):
        with pytest.raises(ConfigError, match=message) as caught:
            use(value)
        assert "s3cret" not in str(caught.value)


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


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["info", "mysql://ann:s3cret@host/x"], 2, "'mysql'"),
        (["info", "a.db", URL], 2, "nrecognized arguments"),
        (["dataset", "a", "-o", "postgresql://ann:s3cret@host"], 2, "names no database"),
        (["evaluate", "a", URL, "--idz", URL], 2, "usage"),
    ],
)
def test_command_refuses_without_the_password(words, code, message, capsys):
    assert main(words) == code
    told = "".join(capsys.readouterr())
    assert message in told
    assert "s3cret" not in told


def test_training_leaves_no_password(tmp_path, monkeypatch, capsys, caplog):
    """Settings are kept when the database has been read; it can't be here, so it is done before."""

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
    told = "".join(capsys.readouterr()) + caplog.text
    files = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert set(files) == {"config.yaml", "log.txt"}
    assert yaml.safe_load(files["config.yaml"])["database"] == SHOWN
    assert "s3cret" not in told + "".join(files.values())
    assert SHOWN in told
