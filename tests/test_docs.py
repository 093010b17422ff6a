"""The pages of docs/: their commands run, their links lead somewhere, what they name is there."""

import glob
import importlib
import json
import re
import shlex

import pytest
from paths import ROOT

import src
from src.cli import COMMANDS, main, parse

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
HOWTO = sorted((DOCS / "howto").glob("*.md"))
COMMAND = re.compile(r"^    e3gnn-xanes (.*)$", flags=re.MULTILINE)
PARSE_ONLY = "<!-- parse only:"
"""A page says this of the block of commands that follows."""
REFERENCE = re.compile(r"\]\[(src\.[\w.]+)\]")
BESIDE_FILE = re.compile(r"`(src/[\w/]+\.py)`: (.*?)(?=\n- |\n\n|\Z)", flags=re.DOTALL)


def read(page):
    """Text of a page."""
    return page.read_text(encoding="utf-8")


def commands_of(text):
    """Commands of a page in order, and whether each is to run."""
    commands, runs = [], True
    for block in re.split(r"\n\s*\n(?=\S|    )", text):
        if block.startswith(PARSE_ONLY):
            runs = False
            continue
        commands += [(command, runs) for command in COMMAND.findall(block)]
        runs = True
    return commands


def words_of(command):
    """Words of a command as a shell makes them of it: patterns become files, here at most four."""
    words = shlex.split(command)
    return [w for word in words for w in (sorted(glob.glob(word))[:4] if "*" in word else [word])]


def name_of(page):
    """A page in the name of a test."""
    return str(page.relative_to(DOCS))


@pytest.mark.parametrize("page", HOWTO, ids=lambda path: path.stem)
def test_commands_of_a_howto_run(page, repository, capfd):
    commands = commands_of(read(page))
    assert commands
    for command, runs in commands:
        if runs:
            words = words_of(command)
            words += ["--training.epochs=1"] * (words[0] == "train")
            assert main(words) == 0, (command, capfd.readouterr().err)
        else:
            assert not isinstance(parse(words_of(command)), int), (command, capfd.readouterr().err)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_of_every_page_are_understood(page, repository, capsys):
    for command, _ in commands_of(read(page)):
        if " .. " in command:  # a list that the page cuts short
            continue
        assert not isinstance(parse(words_of(command)), int), (command, capsys.readouterr().err)


def test_python_of_the_howto_runs(repository):
    from matplotlib import pyplot

    names = {}
    for code in re.findall(r"```python\n(.*?)```", read(DOCS / "howto" / "python.md"), re.DOTALL):
        exec(code, names)
    pyplot.close("all")
    assert names["difference"].shape == names["cuo"].energy.shape
    for name in ("CuO.csv", "CuO.png"):
        assert (repository / name).stat().st_size > 1000


def test_commands_that_do_not_exist_are_noticed(repository):
    text = (
        "Text\n\n    e3gnn-xanes nothing a\n\n<!-- parse only: slow -->\n\n    e3gnn-xanes info x\n"
    )
    assert commands_of(text) == [("nothing a", True), ("info x", False)]
    assert parse(["nothing", "a"]) == 2
    assert parse(["predict", "a", "b", "--no_such_option"]) == 2


def test_what_a_page_quotes_of_novelty_is_what_the_command_says(repository, capfd):
    quoted = re.findall(r"`(unlike anything.*?)`", read(DOCS / "howto" / "elements.md"))
    assert len(quoted) == 1
    for name, expected in (("CuCl", True), ("CuO", False)):
        structure = f"docs/examples/copper/{name}.vasp"
        assert main(["predict", "cu-k-feff", structure, "-o", f"{name}.dat"]) == 0
        assert (quoted[0] in capfd.readouterr().err) is expected, name


def resolve(name):
    """The object of a dotted name, importing as much of it as is a module."""
    words = name.split(".")
    for count in range(len(words), 0, -1):
        try:
            thing = importlib.import_module(".".join(words[:count]))
        except ModuleNotFoundError:
            continue
        for word in words[count:]:
            thing = getattr(thing, word)
        return thing
    raise ModuleNotFoundError(name)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_names_of_the_library_that_a_page_links_or_documents_exist(page):
    text = read(page)
    documented = re.findall(r"^::: (src[\w.]+)$", text, flags=re.MULTILINE)
    for name in REFERENCE.findall(text) + documented:
        thing = resolve(name)
        if hasattr(thing, "__module__"):  # where it is defined, not where it is imported
            assert thing.__module__ == name.rpartition(".")[0], name


def test_names_that_do_not_exist_are_noticed():
    with pytest.raises(AttributeError):
        resolve("src.loss.SpectrumLosss")
    with pytest.raises(AttributeError):
        resolve("src.los.SpectrumLoss")


def test_theory_names_the_module_in_which_each_equation_lives():
    text = read(DOCS / "theory.md")
    named = 0
    for path, rest in BESIDE_FILE.findall(text):
        assert (ROOT / path).is_file(), path
        module = path.removesuffix(".py").replace("/", ".")
        names = REFERENCE.findall(rest)
        assert names, path
        for name in names:
            assert name.rpartition(".")[0] == module
            assert f"[`{name.rpartition('.')[2]}`][{name}]" in rest
        named += len(names)
    assert named == len(REFERENCE.findall(text)) > 30
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    with_equations = [s for s in sections if re.search(r"^    \S.* = |^    MSE", s, re.MULTILINE)]
    assert len(with_equations) >= 9
    assert all(REFERENCE.search(section) for section in with_equations)


def test_public_names_are_documented():
    text = read(DOCS / "reference" / "public.md")
    documented = {name.rpartition(".")[2] for name in re.findall(r"^::: (src\S+)$", text, re.M)}
    assert set(src.__all__) <= documented


def broken_rows(text):
    """Rows of tables that are shown as text: without a head above, or with other cells than it."""
    lines, broken, cells = text.splitlines(), [], None
    for number, line in enumerate(lines):
        if not line.startswith("|"):
            cells = None
            continue
        count = len(re.findall(r"(?<!\\)\|", line))
        if cells is None:  # a head is followed by dashes
            following = lines[number + 1] if number + 1 < len(lines) else ""
            cells = count if re.fullmatch(r"[|:\s-]+", following) else -1
        if cells != count:
            broken.append(line)
    return broken


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda path: path.name)
def test_tables_of_a_page_are_whole(page):
    assert broken_rows(read(page)) == []


def test_a_blank_line_in_a_table_is_noticed():
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n"
    assert broken_rows(table) == []
    assert broken_rows(f"{table}\n| 3 | 4 |\n") == ["| 3 | 4 |"]
    assert broken_rows(f"{table}| 3 |\n") == ["| 3 |"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_of_a_page_are_there(page):
    text = re.sub(r"^    .*$", "", read(page), flags=re.MULTILINE)  # no code
    for target in re.findall(r"\]\(([^)\s#]+)", text):
        if not target.startswith("http"):
            assert (page.parent / target).is_file(), target


def test_paths_of_the_repository_that_a_page_names_exist():
    pattern = re.compile(
        r"`((?:src|tests|research|benchmarks|docs)/[\w./-]+\.(?:py|md|csv|ipynb))`"
    )
    for page in PAGES:
        for path in pattern.findall(read(page)):
            assert (ROOT / path).is_file(), (page.name, path)


def test_file_formats_name_what_the_library_writes(repository, capsys):
    """Keys of the JSON files and columns of the tables, as commands write them now."""
    text = read(DOCS / "formats.md")
    foil, structure = "tests/data/experiment/cu_metal_rt.xdi", "docs/examples/copper/Cu.vasp"
    assert main(["compare", foil, structure, "--model", "cu-k-feff", "-o", "c.json"]) == 0
    assert main(["fit", foil, foil.replace("rt", "10K"), "-o", "m.json"]) == 0
    compared = json.loads((repository / "c.json").read_text())
    mixture = json.loads((repository / "m.json").read_text())
    keys = [*compared, *compared["candidates"][0], *mixture, *mixture["components"][0]]
    keys += compared["measured_file"], compared["model"]  # these are dictionaries
    for key in [k for one in keys for k in ([one] if isinstance(one, str) else one)]:
        assert f"`{key}`" in text, key


def test_commands_and_extras_are_named():
    text = "".join(read(page) for page in PAGES)
    assert {
        name for name in COMMANDS if f"`{name}" not in text and f"xanes {name}" not in text
    } == set()
    extras = read(ROOT / "pyproject.toml").split("[project.optional-dependencies]")[1]
    install = read(DOCS / "install.md")
    for name in re.findall(r"^(\w+) = \[", extras.split("\n[")[0], flags=re.MULTILINE):
        assert f".[{name}]" in install, name
