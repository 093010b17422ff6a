"""Records on a real server: the same as in a file, to the last digit.

They run where E3GNN_POSTGRES_URL names a database in which schemas may be made; each test makes
one of its own and removes it.
"""

import os
import pickle
from uuid import uuid4

import pytest
import torch
from paths import CALCULATIONS
from records import assert_same, record

from src.cli import main
from src.dataset.batch import collate_graphs
from src.dataset.database import Database, write_records
from src.dataset.dataset import XANESDataset
from src.dataset.location import DatabaseURL
from src.dataset.record import Record
from src.errors import DatabaseError
from src.readers.feff import read_feff
from src.xas.energies import KNOWN_WINDOWS, even_energies

SERVER = os.environ.get("E3GNN_POSTGRES_URL")
pytestmark = pytest.mark.skipif(SERVER is None, reason="E3GNN_POSTGRES_URL is not set")


@pytest.fixture
def sql():
    """Run one statement on the server."""
    from psycopg2 import connect

    connection = connect(SERVER)
    connection.autocommit = True

    def run(statement):
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    yield run
    connection.close()


@pytest.fixture
def schema(sql):
    """A schema for one test."""
    name = f"e3gnn_{uuid4().hex}"
    sql(f"CREATE SCHEMA {name}")
    yield name
    sql(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture
def url(schema):
    """URL of the schema."""
    return SERVER + ("&" if "?" in SERVER else "?") + f"options=-csearch_path%3D{schema}"


def test_records_come_back_as_from_a_file(url, tmp_path):
    records = [r for r in read_feff(CALCULATIONS) if isinstance(r, Record)]
    for where in (url, tmp_path / "x.db"):
        assert write_records(where, records).added == 27
        assert write_records(where, records).unchanged == 27
    server, file = Database(url), Database(tmp_path / "x.db")
    assert server.ids == file.ids == [r.id for r in records]
    assert vars(server.contents()) == vars(file.contents())
    for before, after in zip(records, server.records(server.ids), strict=True):
        assert_same(before, after)
        assert before.digest == after.digest
        ours, theirs = (vars(db.entry(before.id)) for db in (server, file))
        assert {**ours, "row": 0} == {**theirs, "row": 0}


def test_failure_leaves_the_database_as_it_was(url):
    write_records(url, [record(0)])
    changed = record(mu=record().mu + 1.0)
    with pytest.raises(DatabaseError, match=r"mp-1_000 is there with other content \(here\)"):
        write_records(url, [record(1), changed])
    assert Database(url).ids == ["mp-1_000"]
    assert write_records(url, [changed], replace=True).replaced == 1
    assert_same(Database(url).record("mp-1_000"), changed)


def test_deletion_with_ase_is_followed(url):
    import ase.db

    write_records(url, [record(0), record(1)])
    ase.db.connect(url, type="postgresql").delete([Database(url).entry("mp-1_000").row])
    assert Database(url).ids == ["mp-1_001"]


def test_foreign_and_empty_databases_are_refused_and_left_as_they_were(url, sql, schema):
    tables = f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}'"
    with pytest.raises(DatabaseError, match="not an ASE database"):
        Database(url)
    assert write_records(url, []).sites == 0
    assert sql(tables) == []
    sql(f"CREATE TABLE {schema}.notes (note text)")
    for use in (Database, lambda where: write_records(where, [record()])):
        with pytest.raises(DatabaseError, match=r"not an ASE database.*notes"):
            use(url)
    assert sql(tables) == [("notes",)]


def test_unknown_database_is_an_error_without_the_password(url):
    text = DatabaseURL(url).secret.replace(SERVER.rpartition("/")[2], "no_such_database", 1)
    with pytest.raises(DatabaseError, match="no connection.*no_such_database") as caught:
        Database(text)
    password = SERVER.partition("://")[2].rpartition("@")[0].partition(":")[2]
    assert not password or password not in str(caught.value)


def test_lost_connection_is_made_anew(url, sql):
    write_records(url, [record(0)])
    database = Database(url)
    store = database._store()
    ((backend,),) = store.query("SELECT pg_backend_pid()")
    sql(f"SELECT pg_terminate_backend({backend})")
    assert_same(database.record("mp-1_000"), record(0))
    assert database._store() is not store
    assert_same(pickle.loads(pickle.dumps(database)).record("mp-1_000"), record(0))
    database.close()


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_give_what_the_main_process_gives(url, method):
    write_records(url, read_feff(CALCULATIONS))
    grid, database = even_energies(*KNOWN_WINDOWS[("Cu", "K")]), Database(url)

    def graphs():
        return XANESDataset(database, database.ids, r_max=5.0, grid=grid, extend_below=6.0)

    loader = torch.utils.data.DataLoader(
        graphs(), 2, collate_fn=collate_graphs, num_workers=2, multiprocessing_context=method
    )
    there = torch.cat([batch.y for batch in loader])
    assert torch.equal(there, torch.cat([graph.y for graph in graphs()]))


def test_commands_take_a_url(url, tmp_path, capsys):
    quick = [
        "--val_fraction=0.3",
        "--training.epochs=1",
        "--model.num_layers=1",
        "--model.lmax=1",
        "--model.channels=8",
    ]
    assert main(["dataset", str(CALCULATIONS), "-o", url]) == 0
    assert main(["info", url]) == 0
    assert main(["train", url, "-o", str(tmp_path / "out"), "--split_seed=2", *quick]) == 0
    assert main(["evaluate", str(tmp_path / "out"), url]) == 0
    told = "".join(capsys.readouterr())
    assert told.count("sites: 27") == 2
    assert "median_mse" in told
    password = SERVER.partition("://")[2].rpartition("@")[0].partition(":")[2].encode()
    for path in (tmp_path / "out").iterdir():
        assert not password or password not in path.read_bytes()
    assert not password or password.decode() not in told
