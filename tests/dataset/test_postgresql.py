"""Records on a server: as in a file. Runs where E3GNN_POSTGRES_URL names an empty schema's URL."""

import os

import pytest
from paths import CALCULATIONS
from records import assert_same, record

from src.dataset.database import Database, write_records
from src.dataset.record import Record
from src.errors import DatabaseError
from src.readers.feff import read_feff

SERVER = os.environ.get("E3GNN_POSTGRES_URL")


@pytest.mark.skipif(SERVER is None, reason="E3GNN_POSTGRES_URL is not set")
def test_records_are_on_a_server_as_in_a_file(tmp_path):
    records = [r for r in read_feff(CALCULATIONS) if isinstance(r, Record)]
    for where in (SERVER, tmp_path / "x.db"):
        assert write_records(where, records).added == 27
        assert write_records(where, records).unchanged == 27
    server, file = Database(SERVER), Database(tmp_path / "x.db")
    assert (server.ids, server.digest) == (file.ids, file.digest)
    assert vars(server.contents()) == vars(file.contents())
    for before, after in zip(records, server.records(server.ids), strict=True):
        assert_same(before, after)
    changed = record(records[0].site, records[0].material, id=records[0].id)
    with pytest.raises(DatabaseError, match=rf"{changed.id} is there with other content"):
        write_records(SERVER, [record(1, "new"), changed])
    assert Database(SERVER).digest == file.digest  # nor was the first of the two kept
    assert write_records(SERVER, [changed], replace=True).replaced == 1
    assert_same(Database(SERVER).record(changed.id), changed)
    with pytest.raises(DatabaseError, match="not a usable database") as caught:
        Database(f"{SERVER.partition('?')[0].rpartition('/')[0]}/no_such_database")
    assert "no_such_database" in str(caught.value)
