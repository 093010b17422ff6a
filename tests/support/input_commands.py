"""Bad values of the commands' arguments, and what is said of each."""

from dataclasses import dataclass

BASE = {
    "dataset": {"calculations": "{calculations}", "-o": "{out}.db"},
    "info": {"file": "{model}"},
    "train": {
        "database": "{db}", "-o": "{out}", "--train": "{ids}", "--val": "{train_ids}",
        "--model.num_layers": "1", "--model.lmax": "0", "--model.channels": "4",
        "--model.num_heads": "1",
    },
    "ensemble": {"models": "{model}", "-o": "{out}.pt"},
    "calibrate": {"model": "{model}", "database": "{db}", "--ids": "{ids}", "-o": "{out}.pt"},
    "models": {},
    "evaluate": {"model": "{model}", "database": "{db}"},
    "predict": {"model": "{model}", "structures": "{cif}"},
    "compare": {"measured": "{foil}", "structures": "{cif}", "--model": "cu-k-feff"},
    "fit": {"measured": "{foil}", "components": "{cold}"},
    "explain": {"model": "{model}", "structure": "{cif}", "--site": "0"},
    "report": {"source": "{db}", "-o": "{out}.html"},
}  # fmt: skip
"""Arguments with which each command would do its work; a row spoils one of them."""


@dataclass(frozen=True)
class Command:
    """A bad value of a command's argument."""

    where: str
    """The command."""
    argument: str
    """As in ``BASE``; options begin with a dash."""
    value: str | None
    """What is given; None: nothing, so that the argument is missing."""
    code: int
    """Exit code: 1 a failure, 2 wrong usage."""
    message: str
    """How the message begins; part of it where a library words it."""
    given: str = ""
    """Other words; `-x` takes an argument of ``BASE`` away."""

    def words(self) -> list[str]:
        """Words of the command, with the names of files in braces."""
        arguments = {**BASE[self.where], self.argument: self.value}
        extra = self.given.split()
        for word in [word for word in extra if word.startswith("without:")]:
            del arguments[word.removeprefix("without:")]
            extra.remove(word)
        words = [self.where]
        for name, value in arguments.items():
            if value is not None:
                words += [name] if name.startswith("-") else []
                words += value.split() if value else [""]
        return words + extra


def same(where: str, argument: str, code: int, message: str, *values: str) -> list[Command]:
    """Rows of several values of which the same is said; `{value}` stands for it as a number."""
    shown = {".nan": "nan", ".inf": "inf", "-.inf": "-inf"}
    return [
        Command(where, argument, v, code, message.replace("VALUE", shown.get(v, v))) for v in values
    ]


PICTURE = "{out}.txt: ending '.txt', expected one of ["
NO_MODEL = "{missing}: no such file; models that ship with the package: "
NO_FOLDER = "{nodir}/x: the folder {nodir} does not exist"
IS_FOLDER = "{dir}: is a folder; name a file"
NO_GPU = "`device` is 'gpu', expected auto, cpu, cuda or cuda:N"

DATASET = [
    Command("dataset", "calculations", "{missing}", 1, "{missing}: no such folder"),
    Command("dataset", "calculations", "{dir}", 1, "{dir}: holds nothing of a known format, feff"),
    Command("dataset", "calculations", "{text}", 1, "{text}: of no known format, expected feff"),
    Command("dataset", "calculations", "{npz}", 1, "{npz}: of no known format, expected feff"),
    Command("dataset", "calculations", "{csv}", 1, "{csv}: wanted a column `spectrum` or columns"),
    Command("dataset", "calculations", "{runs}", 1, "{runs}/mp-1101124", "--strict"),
    Command("dataset", "calculations", None, 2, "dataset.calculations"),
    Command("dataset", "-o", "{nodir}/x", 1, NO_FOLDER),
    Command("dataset", "-o", "{dir}", 1, IS_FOLDER),
    Command("dataset", "-o", "{text}", 1, "{text}: not an ASE database (SQLite)"),
    Command("dataset", "-o", "http://x/y", 2, "http://x/y: scheme 'http', but a database is a fil"),
    Command("dataset", "-o", "postgresql://h", 2, "postgresql://h: names no database; expected"),
    Command("dataset", "-o", None, 2, "dataset.output"),
    *same("dataset", "--element", 1, "`element` is 'VALUE', expected a symbol such as Cu",
          "copper", "X"),
    Command("dataset", "--element", "Zn", 1, "{calculations}: none gave a Zn record (27 found: "),
    *same("dataset", "--edge", 1, "`--edge` is 'VALUE', expected K, L3, ..", "Q", "k", "L33"),
    Command("dataset", "--format", "other", 2, "Given value: other"),
    Command("dataset", "--format", "npz", 1, "{calculations}: no file ends with .npz"),
    Command("dataset", "--target", "other", 2, "Given value: other"),
    Command("dataset", "--target", "as_given", 1, "`--target as_given` does not go with"),
    Command("dataset", "--energy", "0 1", 2, "argument --energy: expected 3 arguments"),
    Command("dataset", "--energy", "0 1 x", 2, "Parser key \"energy\""),
    Command("dataset", "--energy", "0 1 1", 1, "`--energy` does not go with {calculations}: FEFF"),
    *(
        Command("dataset", "--energy", value, 1, f"energies from {text} are no grid",
                "without:calculations --edge K --axis relative {xyz}")
        for value, text in (
            ("2 0 1", "2.0 to 0.0 eV in steps of 1.0 eV"),
            ("0 2 0", "0.0 to 2.0 eV in steps of 0.0 eV"),
            ("0 2 .nan", "0.0 to 2.0 eV in steps of nan eV"),
            ("0 .inf 1", "0.0 to inf eV in steps of 1.0 eV"),
        )
    ),
    Command("dataset", "--energy", "0 2 1e-30", 1, "energies from 0.0 to 2.0 eV in steps of 1e-30",
            "without:calculations --edge K --axis relative {xyz}"),
    Command("dataset", "--axis", "other", 2, "Given value: other"),
    Command("dataset", "--axis", "relative", 1, "`--axis` does not go with {calculations}: FEFF"),
    Command("dataset", "--id_list", "{nodir}/x", 1, NO_FOLDER),
    Command("dataset", "--id_list", "{dir}", 1, IS_FOLDER),
    Command("dataset", "--nonsense", "1", 2, "arguments: --nonsense"),
]  # fmt: skip

INFO = [
    Command("info", "file", "{missing}", 1, "{missing}: no such file"),
    Command("info", "file", "{text}", 1, "{text}: not a structure that ASE reads ("),
    Command("info", "file", "{empty}", 1, "{empty}: not a structure that ASE reads ("),
    Command("info", "file", "{dir}", 1, "{dir}/model.pt: no such file"),
    Command("info", "file", "{npz}", 1, "{npz}: not a readable torch file (its end is missing)"),
    Command("info", "file", "{ase}", 1, "{ase}: not a database of records (row 1"),
    Command("info", "file", "ftp://x/y", 2, "ftp://x/y: scheme 'ftp', but a database is a file"),
    Command("info", "file", "{cif}", 1, "{cif}: not a model file, so there is nothing", "--check"),
    Command("info", "file", "{db}", 1, "{db}: not a model file, so there is nothing to", "--check"),
    Command("models", "file", "{model}", 2, "arguments: "),
]  # fmt: skip

ENSEMBLE = [
    Command("ensemble", "models", "{missing}", 1, NO_MODEL),
    Command("ensemble", "models", "{text}", 1, "{text}: not a model file, or damaged: its header"),
    Command("ensemble", "models", "{model} cu-k-feff", 1, "`num_layers` is 1 in {model} but 4"),
    Command("ensemble", "-o", "{nodir}/x", 1, NO_FOLDER),
    Command("ensemble", "-o", "{dir}", 1, IS_FOLDER),
    Command("ensemble", "-o", None, 2, "ensemble.output"),
    Command("ensemble", "--card", "{missing}", 1, "{missing}: no such file"),
    Command("ensemble", "--card", "{text}", 1, "{text}: expected names with values, found str"),
    Command("ensemble", "--card", "{json}", 1, "{json}: expected the entries data, licence,"),
]  # fmt: skip

CALIBRATE = [
    Command("calibrate", "model", "{missing}", 1, NO_MODEL),
    Command("calibrate", "model", "cu-k-feff", 1, "cu-k-feff ships with the package; name another",
            "without:-o"),
    Command("calibrate", "database", "{missing}", 1, "{missing}: no such database"),
    Command("calibrate", "database", "{text}", 1, "{text}: not an ASE database (SQLite)"),
    Command("calibrate", "--ids", "{missing}", 1, "{missing}: no such file"),
    Command("calibrate", "--ids", "{unknown_ids}", 1, "{db}: has no record mp-0_000"),
    Command("calibrate", "--ids", "{train_ids}", 1, "{train_ids}: 23 sites are of materials that"),
    Command("calibrate", "--ids", "{empty}", 1, "{empty}: holds no id"),
    Command("calibrate", "--ids", "{model}", 1, "{model}: not a text file"),
    Command("calibrate", "--ids", None, 2, "calibrate.ids"),
    *same("calibrate", "--coverage", 1, "`coverage` is VALUE but must be above 0 and below 1",
          "0.0", "1.0", "1.5", ".nan"),
    Command("calibrate", "--coverage", "x", 2, "Parser key \"coverage\""),
    Command("calibrate", "-o", "{nodir}/x", 1, NO_FOLDER),
    Command("calibrate", "-o", "{dir}", 1, IS_FOLDER),
    Command("calibrate", "--device", "gpu", 1, NO_GPU),
]  # fmt: skip

EVALUATE = [
    Command("evaluate", "model", "{missing}", 1, NO_MODEL),
    Command("evaluate", "model", "{text}", 1, "{text}: not a model file, or damaged: its header"),
    Command("evaluate", "model", "chemistry", 1, "the model was made without a database; it names"),
    Command("evaluate", "model", "zn-k", 1, "{db}: mp-"),
    Command("evaluate", "database", "{missing}", 1, "{missing}: no such database"),
    Command("evaluate", "database", "{text}", 1, "{text}: not an ASE database (SQLite)"),
    Command("evaluate", "database", "{ase}", 1, "{ase}: not a database of records (row 1"),
    Command("evaluate", "--ids", "{missing}", 1, "{missing}: no such file"),
    Command("evaluate", "--ids", "{unknown_ids}", 1, "{db}: has no record mp-0_000"),
    Command("evaluate", "--ids", "{empty}", 1, "{empty}: holds no id"),
    Command("evaluate", "--predictions", "{nodir}/x", 1, NO_FOLDER),
    Command("evaluate", "--predictions", "{dir}", 1, IS_FOLDER),
    Command("evaluate", "--plot", "{out}.txt", 1, PICTURE),
    Command("evaluate", "--plot", "{nodir}/x.png", 1, "{nodir}/x.png: the folder {nodir} does not"),
    Command("evaluate", "--table", "{out}.txt", 1, "{out}.txt: ending '.txt', expected one of ["),
    Command("evaluate", "--table", "{nodir}/x.csv", 1, "{nodir}/x.csv: the folder {nodir} does"),
    Command("evaluate", "--device", "gpu", 1, NO_GPU),
    Command("evaluate", "--device", "cuda:99", 1, "`device` is 'cuda:99': process 0 of this"),
]  # fmt: skip

PREDICT = [
    Command("predict", "model", "{missing}", 1, NO_MODEL),
    Command("predict", "model", "{text}", 1, "{text}: not a model file, or damaged: its header"),
    Command("predict", "model", "chemistry", 1, "the model has seen no spectra but "),
    Command("predict", "structures", "{missing}", 1, "{missing}: no such file"),
    Command("predict", "structures", "{text}", 1, "{text}: not a structure that ASE reads ("),
    Command("predict", "structures", "{dir}", 1, "{dir}: no such file"),
    Command("predict", "structures", "{zinc}", 1, "{zinc}: zn: OZn holds no Cu, the element that"),
    Command("predict", "structures", "{ase}", 1, "{ase} is a database; name the one for the spect"),
    Command("predict", "structures", "{ase} {cif}", 1, "{ase} is a database; predict it on its ow"),
    Command("predict", "structures", None, 2, "predict.structures"),
    *same("predict", "--site", 1, "{cif}: cu: site VALUE is not within 0 .. 1", "5", "-1"),
    Command("predict", "--site", "1", 1, "{cif}: cu: site 1 is O, but the model was trained"),
    Command("predict", "--site", "x", 2, "Parser key \"site\""),
    Command("predict", "--site", "0", 1, "`site` does not go with a database, {ase}",
            "without:structures -o {out}.db {ase}"),
    Command("predict", "--energy", "1 2 1", 1, "energies are 1.000 to 2.000 eV, but the"),
    *(
        Command("predict", "--energy", value, 1, f"energies from 8990.0 to {text} are no grid")
        for value, text in (
            ("8990 8980 1", "8980.0 eV in steps of 1.0 eV"),
            ("8990 9000 0", "9000.0 eV in steps of 0.0 eV"),
            ("8990 9000 -1", "9000.0 eV in steps of -1.0 eV"),
            ("8990 9000 .nan", "9000.0 eV in steps of nan eV"),
            ("8990 .inf 1", "inf eV in steps of 1.0 eV"),
        )
    ),
    Command("predict", "--energy", "8990 9000 1e-9", 1, "energies from 8990.0 to 9000.0 eV in ste"),
    Command("predict", "--energy", "8990 9000", 2, "argument --energy: expected 3 arguments"),
    Command("predict", "-o", "{nodir}/x", 1, NO_FOLDER),
    Command("predict", "-o", "{dir}", 1, IS_FOLDER),
    Command("predict", "-o", "{text}", 1, "{text}: is there already; remove it or give another",
            "without:structures {ase}"),
    Command("predict", "-o", "{nodir}/x", 1, NO_FOLDER, "without:structures {ase}"),
    Command("predict", "--plot", "{out}.txt", 1, PICTURE),
    Command("predict", "--plot", "{nodir}/x.png", 1, "{nodir}/x.png: the folder {nodir} does not"),
    Command("predict", "--device", "gpu", 1, NO_GPU),
    Command("predict", "--device", "cuda:x", 1, "`device` is 'cuda:x', expected auto, cpu, cuda o"),
]  # fmt: skip

COMPARE = [
    Command("compare", "measured", "{missing}", 1, "{missing}: no such file"),
    Command("compare", "measured", "{text}", 1, "{text}: holds no table of two or more columns"),
    Command("compare", "measured", "{columns}", 1, "{columns}: energies 0 .. 29 are not eV of an"),
    Command("compare", "structures", "{missing}", 1, "{missing}: no such file"),
    Command("compare", "structures", "{zinc}", 1, "zn: OZn holds no Cu, the element that the mode"),
    Command("compare", "structures", "{cif} {cif}", 1, "several candidates are called cu; rename"),
    Command("compare", "--model", "{missing}", 1, NO_MODEL),
    Command("compare", "--model", "zn-k", 1, "{foil}: its element is Cu, wanted Zn"),
    Command("compare", "--model", None, 2, "compare.model"),
    Command("compare", "--shift", "2 1", 1, "`shift` must be LOW HIGH with LOW <= HIGH, found 2.0"),
    Command("compare", "--shift", ".nan 1", 1, "`shift` must be LOW HIGH with LOW <= HIGH, found"),
    Command("compare", "--shift", "1000 1001", 1, "{foil}: 0 points over 0.0 eV can be compared"),
    Command("compare", "--shift", "1", 2, "argument --shift: expected 2 arguments"),
    Command("compare", "--broadening", "-1 1", 1, "`broadening` (-1.0, 1.0) must not be negative"),
    Command("compare", "--broadening", "3 1", 1, "`broadening` must be LOW HIGH with LOW <= HIGH"),
    Command("compare", "--broadening", "0 .nan", 1, "`broadening` must be LOW HIGH with LOW <= HI"),
    Command("compare", "--broadening", "0 .inf", 1, "`broadening` must be finite, found 0.0 inf"),
    Command("compare", "--scale", "0 1", 1, "`broadening` (0.0, 3.0) must not be negative, `scale"),
    Command("compare", "--scale", "2 1", 1, "`scale` must be LOW HIGH with LOW <= HIGH, found 2.0"),
    Command("compare", "--scale", "1 .inf", 1, "`scale` must be finite, found 1.0 inf"),
    Command("compare", "--measure", "other", 1, "`measure` is 'other', expected one of r_factor"),
    *same("compare", "--column", 1, "{foil}: no column 'VALUE'; it has energy, i0,", "other", "99"),
    Command("compare", "--e0", "1", 1, "{foil}: e0 1.00 eV is not within 8789.00 .. 10139.21 eV"),
    Command("compare", "--e0", ".nan", 1, "{foil}: `e0` is nan but must be positive and finite"),
    Command("compare", "--e0", "9500", 1, "{foil}: the edge step at 9500.00 eV is "),
    Command("compare", "-o", "{nodir}/x", 1, NO_FOLDER),
    Command("compare", "-o", "{dir}", 1, IS_FOLDER),
    Command("compare", "--plot", "{out}.txt", 1, PICTURE),
]  # fmt: skip

FIT = [
    Command("fit", "measured", "{missing}", 1, "{missing}: no such file"),
    Command("fit", "measured", "{text}", 1, "{text}: holds no table of two or more columns"),
    Command("fit", "components", "{missing}", 1, "{missing}: no such file"),
    Command("fit", "components", "{text}", 1, "{text}: holds no table of two or more columns"),
    Command("fit", "components", None, 2, "fit.components"),
    Command("fit", "--model", "{missing}", 1, NO_MODEL),
    Command("fit", "--window", "60 -20", 1, "`window` is 60.0 -20.0, expected LOW below HIGH"),
    Command("fit", "--window", ".nan 60", 1, "`window` is nan 60.0, expected LOW below HIGH"),
    Command("fit", "--window", "5000 6000", 1, "{foil}: 0 points between "),
    Command("fit", "--window", "0 x", 2, "Parser key \"window\""),
    *same("fit", "--max_shift", 1,
          "`max_shift` is VALUE but must be finite and must not be negative",
          "-1.0", ".nan", ".inf"),
    Command("fit", "--max_shift", "1000", 1, "{foil}: 0 points between "),
    Command("fit", "--bootstrap", "-1", 1, "`bootstrap` is -1 but must not be negative"),
    Command("fit", "--bootstrap", "1.5", 2, "Parser key \"bootstrap\""),
    Command("fit", "-o", "{nodir}/x", 1, NO_FOLDER),
    Command("fit", "-o", "{dir}", 1, IS_FOLDER),
    Command("fit", "--plot", "{out}.txt", 1, PICTURE),
]  # fmt: skip

EXPLAIN = [
    Command("explain", "model", "{missing}", 1, NO_MODEL),
    Command("explain", "structure", "{missing}", 1, "{missing}: no such file"),
    Command("explain", "structure", "{text}", 1, "{text}: not a structure that ASE reads ("),
    Command("explain", "--site", None, 1, "{cif}: which site? Give --site with one of 0"),
    *same("explain", "--site", 1, "site VALUE is not within 0 .. 1", "5", "-1"),
    Command("explain", "--site", "1", 1, "site 1 is O, but the model was trained for Cu"),
    Command("explain", "--site", "x", 2, "Given value: x"),
    *same("explain", "--radius", 2, "`radius` is VALUE but must be positive and finite",
          "0.0", "-1.0", ".nan", ".inf"),
    Command("explain", "--radius", "0.2", 1, "site 0 has no neighbour within the radius; take a"),
    Command("explain", "-o", "{nodir}/x", 1, NO_FOLDER),
    Command("explain", "-o", "{dir}", 1, IS_FOLDER),
    Command("explain", "--plot", "{out}.txt", 1, PICTURE),
]  # fmt: skip

REPORT = [
    Command("report", "source", "{missing}", 1, "{missing}: no such file or folder; expected a"),
    Command("report", "source", "{text}", 1, "{text}: of no kind known here; expected a database"),
    Command("report", "source", "{dir}", 1, "{dir}: of no kind known here; expected a database"),
    Command("report", "source", "{ase}", 1, "{ase}: not a database of records (row 1"),
    Command("report", "source", "{json}", 1, "{json}: its `kind` is 'other', expected one of comp"),
    Command("report", "source", "cu-k-feff", 1, "cu-k-feff: a model; give --database to evaluate"),
    Command("report", "-o", "{out}.txt", 1, "{out}.txt: a page ends with .html"),
    Command("report", "-o", "{nodir}/x.html", 1, "{nodir}/x.html: the folder {nodir} does not"),
    Command("report", "-o", None, 2, "report.output"),
    Command("report", "--database", "{missing}", 1, "{missing}: no such database",
            "without:source {model}"),
    Command("report", "--database", "ftp://x/y", 2, "ftp://x/y: scheme 'ftp', but a database is"),
    Command("report", "--ids", "{ids}", 1, "`ids` goes with `database`, for an evaluation"),
    Command("report", "--ids", "{missing}", 1, "{missing}: no such file",
            "without:source {model} --database {db}"),
]  # fmt: skip
