"""Athena projects, written by Athena, Demeter and larch: groups, shifts, what is no mu(E)."""

import gzip
import shutil

import numpy as np
import pytest
from paths import DATA, EXPERIMENT

from src.errors import ConfigError, RecordError
from src.xas.measured import read_measured
from src.xas.normalization import find_e0

PROJECTS = DATA / "athena"


@pytest.mark.parametrize(
    ("group", "points", "e0"),
    [
        ("Ge.prj:Crystalline Ge", 531, 11103.03),  # both from larch.xafs.find_e0, plus bkg_eshift
        ("Ge.prj:Amorphous Ge", 459, 11103.11),
        ("Ge.prj:curh", 459, 11103.11),
        ("athena3.prj", 556, 5727.09),
    ],
)
def test_energies_are_those_that_athena_shows(group, points, e0):
    """Energies as they are stored are 8.0, 4.4 and 0.4 eV off."""
    scan = read_measured(PROJECTS / group)
    assert len(scan.energy) == points
    assert find_e0(scan) == pytest.approx(e0, abs=0.3)


def test_a_project_of_larch_has_the_scan_that_it_was_made_of():
    scan, table = read_measured(PROJECTS / "larch.prj"), np.loadtxt(EXPERIMENT / "cu_metal_rt.xdi")
    assert scan.energy == pytest.approx(table[:300:2, 0] + 3.0)
    assert scan.mu == pytest.approx(table[:300:2, 3])
    assert "3 eV" in scan.made_from


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("'is_chi', '0'", "'is_chi', '1'", "chi"),
        ("'is_pixel', '0'", "'is_pixel', '1'", "pixels"),
        ("'bkg_eshift', '3.0'", "'bkg_eshift', 'x'", "'x' is not a number"),
        ("@x = ('", "@x = ('1','", "energies and 150 values"),
        ("[record]", "", "cut"),
        ("Athena project", "Other project", "does not begin"),
    ],
)
def test_what_is_no_spectrum_is_refused_by_name(tmp_path, old, new, message):
    text = gzip.decompress((PROJECTS / "larch.prj").read_bytes()).decode()
    assert old in text
    (tmp_path / "a.prj").write_text(text.replace(old, new, 1))
    with pytest.raises(RecordError, match=f"a.prj.*{message}"):
        read_measured(tmp_path / "a.prj")


def test_perl_data_of_every_kind(tmp_path):
    """Lists and hashes within, undef, quotes, and text that looks like the end of a list."""
    args = r"""'titles',['it\'s; (1)','b'],'x',undef,'scan',{'e' => ['8979'],'s' => "d'Or"},"""
    args += r"""'label','a \'b\'); c','bkg_eshift',-1"""
    text = (
        f"# Athena project file -- Athena version 1.0\n$old_group = 'abcde';\n@args = ({args});\n"
    )
    text += "@x = (8979,'8980','8981');\n@y = ('1.0',2,'3e0');\n[record]   # 1\n"
    path = tmp_path / "a.prj"
    path.write_text(text)
    scan = read_measured(path)
    assert scan.energy.tolist() == [8978.0, 8979.0, 8980.0]
    assert scan.mu.tolist() == [1.0, 2.0, 3.0]
    assert scan.source.endswith("a.prj:a 'b'); c")


def test_several_groups_must_be_named(tmp_path):
    shutil.copy(PROJECTS / "Ge.prj", tmp_path / "ge.prj")
    with pytest.raises(ConfigError, match="2 groups, Crystalline Ge, Amorphous Ge; name one"):
        read_measured(tmp_path / "ge.prj")
    with pytest.raises(RecordError, match="no group 'Cu', it has Crystalline Ge"):
        read_measured(tmp_path / "ge.prj:Cu")
    text = gzip.decompress((tmp_path / "ge.prj").read_bytes()).replace(b"Amorphous", b"Crystalline")
    (tmp_path / "ge.prj").write_bytes(text)
    with pytest.raises(ConfigError, match="2 groups are called 'Crystalline Ge'; name .* or curh"):
        read_measured(tmp_path / "ge.prj:Crystalline Ge")
