"""Splits by material."""

import pytest

from src.dataset.split import check_split, read_ids, split_by_hash
from src.errors import DatabaseError
from src.structures.names import material_of

IDS = [f"mp-{k}_{s:03d}" for k in range(2000) for s in range(1 + k % 3)]


def test_material_is_all_but_the_site():
    assert material_of("mp-1234_003") == "mp-1234"
    assert material_of("my_own_run_010") == "my_own_run"


def test_hash_split_keeps_materials_together_and_meets_the_fractions():
    parts = split_by_hash(IDS, {"train": 0.8, "val": 0.2}, seed=1)
    assert sorted(parts["train"] + parts["val"]) == sorted(IDS)
    check_split(parts["train"], parts["val"])
    share = len({material_of(i) for i in parts["val"]}) / 2000
    # standard deviation of a share of 0.2 among 2,000 is 0.009
    assert share == pytest.approx(0.2, abs=0.04)


def test_hash_split_is_the_same_when_the_dataset_grows():
    fractions = {"train": 0.8, "val": 0.2}
    small, large = split_by_hash(IDS[:900], fractions), split_by_hash(IDS, fractions)
    assert set(small["val"]) == set(large["val"]) & set(IDS[:900])


def test_another_seed_gives_another_split():
    a, b = (split_by_hash(IDS, {"train": 0.5, "val": 0.5}, seed=s)["val"] for s in (0, 1))
    assert a != b


@pytest.mark.parametrize("n_materials", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(20))
def test_no_part_is_empty_where_there_are_enough_materials(n_materials, seed):
    ids = [f"mp-{k}_{s:03d}" for k in range(n_materials) for s in range(2)]
    parts = split_by_hash(ids, {"train": 0.9, "val": 0.1}, seed)
    check_split(parts["train"], parts["val"])
    assert sorted(parts["train"] + parts["val"]) == ids
    assert all(parts.values()) == (n_materials > 1)


def test_fractions_must_add_up():
    with pytest.raises(DatabaseError, match="add up to 1"):
        split_by_hash(IDS, {"train": 0.8, "val": 0.3})


def test_shared_material_is_an_error_that_names_it():
    with pytest.raises(DatabaseError, match="mp-7"):
        check_split(["mp-7_000", "mp-8_000"], ["mp-7_001"])


def test_id_files_are_read_and_faults_named(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("\ufeffmp-1_000\n# published\n\nmp-2_001\r\n")  # as Windows writes it
    assert read_ids(path) == ["mp-1_000", "mp-2_001"]
    for text, message in (
        ("mp-1_000\nmp-1_000\n", "line 2: mp-1_000 is also in line 1"),
        ("mp-1_000 mp-2_000\n", "line 1: expected one id"),
        ("\n# nothing\n", "contains no ids"),
    ):
        path.write_text(text)
        with pytest.raises(DatabaseError, match=message):
            read_ids(path)
    with pytest.raises(DatabaseError, match="no such file"):
        read_ids(tmp_path / "missing.txt")
