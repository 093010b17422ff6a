"""Bad values of the commands' arguments: exit code, words, and what the message must name.

A row's words are appended to its command, where the last value of an option counts. The message
must name each value and, unless that is a file, the option; or what is after the bar. Settings of
the network and the training have one row per kind of check; all are tested in ``input_functions``.
"""

GOOD = [
    "dataset {calculations} -o {out}.db",
    "info {model}",
    "train {db} -o {out} --train {ids} --val {train_ids} --training.epochs 1 --model.num_layers 1"
    " --model.lmax 0 --model.channels 4 --model.num_heads 1",
    "ensemble {model} -o {out}.pt",
    "models",
    "evaluate {model} {db}",
    "predict {model} {cif}",
    "compare {foil} {cif} --model cu-k-feff",
    "fit {foil} {cold}",
    "explain {model} {cif} --site 0",
    "report {db} -o {out}.html",
]
"""Each command with arguments that are right; calibration needs more sites than these."""
DATASET, INFO, TRAIN, ENSEMBLE, MODELS, EVALUATE, PREDICT, COMPARE, FIT, EXPLAIN, REPORT = GOOD
CALIBRATE = "calibrate {model} {db} --ids {ids} -o {out}.pt"

BAD = {
    "dataset -o {out}.db": """
        1 {missing}
        1 {dir}
        1 {text}
        1 {npz}
        1 {runs} --strict | {runs}/mp-1101124
        2 | CALCULATION
        1 --edge K --axis relative {xyz} --energy 2 0 1 | 2.0 0.0 1.0
        1 --edge K --axis relative {xyz} --energy 0 2 .nan | nan
        1 --edge K --axis relative {xyz} --energy 0 2 1e-30 | 0.0 2.0 1e-30
    """,
    "dataset {calculations}": "2 | --output",
    DATASET: """
        1 -o {nodir}/x
        1 -o {dir}
        1 -o {text}
        2 -o http://x/y
        1 --element copper
        1 --element Zn | {calculations} Zn
        1 --edge Q
        1 --format npz | {calculations} npz
        2 --target other
        2 --energy 0 1 | --energy 3
        2 --energy 0 1 x | energy x
        1 --axis relative | --axis {calculations}
        1 --id_list {nodir}/x
        2 --nonsense 1 | --nonsense
    """,
    "info": """
        1 {missing}
        1 {text}
        1 {dir} | {dir}/model.pt
        1 {npz}
        2 ftp://x/y
        1 {cif} --check | {cif}
    """,
    MODELS: "2 {model}",
    "train -o {out}": """
        1 {missing}
        1 {text}
        1 {ase}
        2 | DATABASE
    """,
    "train {db} -o {out}": """
        2 --val {train_ids} | `train` `val`
        2 --val_fraction .nan
        2 --split_seed x
    """,
    TRAIN: """
        1 -o {text}
        1 -o {run}
        1 -o {dir} --resume | {dir}
        1 --train {missing}
        1 --train {unknown_ids} | {db} mp-0_000
        1 --train {train_ids} | training validation
        1 --train {empty}
        2 --members 0
        2 --freeze embedding | `freeze` `init_from`
        2 --config {missing}
        2 --config {text}
        2 --config {json} | 'kind'
        2 --energy.start 8990 | `start` `stop`
        2 --energy.start 9000 --energy.stop 8990
        2 --energy.start .nan --energy.stop 8990 | `start` nan
        1 --energy.stop 5 --energy.start 1 | {db} mp-
        2 --energy.step 0.0
        1 --energy.step 1e-9 | 8983.173 9043.173
        2 --energy.train_stop .nan
        2 --energy.extend_below -1.0
        2 --training.epochs 0
        2 --training.epochs x
        2 --training.lr 0.0
        1 --training.max_edges null | `batch_size` `max_edges`
        2 --training.seed 99999999999999999999
        1 --training.device gpu
        1 --model.max_z 10 | mp- 29 10
        1 --model.num_heads 3 | `num_heads` 3 `channels` 4
        1 --model.emin 50 --model.emax 0 | 9018.173
        2 --model.lmx 1 | --model.lmx --model.lmax
        1 --init_from {missing}
        1 --init_from {model} --freeze other | freeze other
    """,
    "train {db} -o {out} --train {ids} --val {train_ids} --init_from {model}": """
        1 --model.channels 8 | `model.channels` 8 {model} 4
    """,
    "ensemble -o {out}.pt": """
        1 {missing}
        1 {text}
        1 {model} cu-k-feff | `code` 9.9.1 {model} 10.0.0 cu-k-feff
    """,
    "ensemble {model}": "2 | --output",
    ENSEMBLE: """
        1 -o {nodir}/x
        1 -o {dir}
        1 --card {missing}
        1 --card {text}
        1 --card {json} | {json} data licence
    """,
    "calibrate {db} --ids {ids}": "2 | DATABASE",
    "calibrate {model} {db}": "2 -o {out}.pt | --ids",
    "calibrate cu-k-feff {db} --ids {ids}": "1 | cu-k-feff",
    "calibrate --ids {ids} -o {out}.pt": """
        1 {missing} {db} | {missing}
        1 {model} {text} | {text}
    """,
    CALIBRATE: """
        1 --ids {missing}
        1 --ids {unknown_ids} | {db} mp-0_000
        1 --ids {train_ids}
        1 --coverage .nan
        2 --coverage x
        1 -o {nodir}/x
        1 -o {dir}
        1 --device gpu
    """,
    "evaluate": """
        1 {text} {db} | {text}
        1 chemistry {db} | database
        1 zn-k {db} | {db} mp-
        1 {missing} {db} --table {nodir}/x.csv | {nodir}/x.csv
        1 {model} {missing} | {missing}
        1 {model} {ase} | {ase}
    """,
    EVALUATE: """
        1 --ids {missing}
        1 --ids {unknown_ids} | {db} mp-0_000
        1 --ids {empty}
        1 --predictions {nodir}/x
        1 --plot {out}.txt
        1 --plot {nodir}/x.png
        1 --table {out}.txt
        1 --device cuda:99
    """,
    "predict": """
        1 {missing} {cif} | {missing}
        1 chemistry {cif} | spectra
        1 {model} {missing} | {missing}
        1 {model} {text} | {text}
        1 {model} {dir} | {dir}
        1 {model} {zinc} | {zinc} OZn Cu
        1 {model} {ase} | {ase}
        1 {model} {ase} {cif} | {ase}
        1 {model} {ase} -o {out}.db --site 0 | `site`
        1 {model} {ase} -o {text} | {text}
        1 {model} {ase} -o {nodir}/x | {nodir}/x
        2 {model} | STRUCTURE
    """,
    PREDICT: """
        1 --site 5 | {cif} 5
        1 --site 1 | {cif} 1 O Cu
        2 --site x
        1 --energy 9000 9500 1 | 9000.000 9500.000
        1 --energy 8990 8980 1 | 8990.0 8980.0
        1 --energy 8990 .inf 1 | inf
        1 --energy 8990 9000 1e-9 | 8990.0 9000.0
        2 --energy 8990 9000 | --energy 3
        1 -o {nodir}/x
        1 -o {dir}
        1 --plot {out}.txt
        1 --device cuda:x
    """,
    "compare --model {model}": """
        1 {text} {cif} | {text}
        1 {columns} {cif} | {columns} 29
        1 {foil} {missing} | {missing}
        1 {foil} {zinc} | zn OZn Cu
        1 {foil} {cif} {cif} | cu
    """,
    "compare {foil} {cif}": "2 | --model",
    COMPARE: """
        1 --model zn-k | {foil} Cu Zn
        1 --shift 2 1
        1 --shift .nan 1 | `shift` nan
        1 --shift 1000 1001 | {foil}
        2 --shift 1 | --shift 2
        1 --broadening -1 1
        1 --scale 0 1 | `scale`
        1 --measure other
        1 --column other | {foil} 'other'
        1 --column 99 | {foil} '99'
        1 --e0 .nan | {foil} `e0` nan
        1 --e0 9500 | {foil} 9500
        1 -o {nodir}/x
        1 --plot {out}.txt
    """,
    "fit": """
        1 {text} {cold} | {text}
        1 {foil} {missing} | {missing}
        2 {foil} | COMPONENT
    """,
    FIT: """
        1 --model {missing}
        1 --window 60 -20
        1 --window .nan 60
        1 --window 5000 6000 | {foil}
        1 --max_shift -1.0
        1 --max_shift 1000 | {foil}
        1 --bootstrap -1
        2 --bootstrap 1.5
        1 -o {nodir}/x
        1 --plot {out}.txt
    """,
    "explain --site 0": """
        1 {missing} {cif} | {missing}
        1 {model} {text} | {text}
    """,
    "explain {model} {cif}": "1 | {cif} --site 0",
    EXPLAIN: """
        1 --site 5
        1 --site 1 | 1 O Cu
        2 --radius .nan
        1 --radius 0.2 | radius 0
        1 -o {nodir}/x
        1 --plot {out}.txt
    """,
    "report -o {out}.html": """
        1 {missing}
        1 {text}
        1 {dir}
        1 {ase}
        1 {json} | {json} `kind` 'other'
        1 cu-k-feff | cu-k-feff --database
        1 {model} --database {missing} | {missing}
        1 {model} --database {db} --ids {missing} | {missing}
    """,
    "report {db}": "2 | --output",
    REPORT: """
        1 -o {out}.txt
        1 -o {nodir}/x.html
        2 --database ftp://x/y | ftp://x/y
        1 --ids {ids} | `ids` `database`
    """,
}


def rows():
    """Words, exit code and names of every row."""
    for command, table in BAD.items():
        for line in table.strip().splitlines():
            said, _, names = line.partition("|")
            code, *words = said.split()
            yield command.split() + words, int(code), names.split() or named(words)


def named(words):
    """Options and values that a message must name."""
    names = []
    for word, value in zip(words, [*words[1:], ""], strict=True):
        if not word.startswith("--"):
            names += [{".nan": "nan", ".inf": "inf"}.get(word, word)] if word != "-o" else []
        elif "{" not in value:
            names.append(word.lstrip("-").rpartition(".")[2])
    return names
