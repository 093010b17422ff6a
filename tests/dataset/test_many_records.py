"""The database of displaced records."""

import numpy as np
import pytest

from benchmarks.many_records import SIGMA, make_displaced
from src.dataset.database import Database, write_records
from src.structures.names import material_of


@pytest.fixture(scope="module")
def source(database):
    """The slice of the benchmark."""
    return Database(database)


def test_copies_are_displaced_and_keep_spectrum_site_and_grouping(source, tmp_path):
    write_records(tmp_path / "many.db", make_displaced(source, 70, seed=0))
    many = Database(tmp_path / "many.db")
    assert len(many) == 70  # two passes over 27 records and a part of the third
    displaced = []
    for record in many.records(many.ids[:54]):
        parent = source.record(record.id.replace("-d0_", "_").replace("-d1_", "_"))
        assert (record.site, record.element) == (parent.site, parent.element)
        assert np.array_equal(record.mu, parent.mu)
        displaced.append((record.atoms.positions - parent.atoms.positions).ravel())
    # the spread of n normal values is known to SIGMA / sqrt(2 n), 0.0002 here; 4 of these
    assert np.concatenate(displaced).std() == pytest.approx(SIGMA, abs=1e-3)
    groups = {(material_of(i), many.entry(i).structure_digest) for i in many.ids[:54]}
    before = {(material_of(i), source.entry(i).structure_digest) for i in source.ids}
    assert len(groups) == 2 * len(before) < 54
    assert not {s for _, s in groups} & {s for _, s in before}


def test_displacements_are_a_function_of_the_seed(source):
    first, same, other = (
        [r.structure_digest for r in make_displaced(source, 30, seed)] for seed in (1, 1, 2)
    )
    assert first == same
    assert not set(first) & set(other)
