"""Bad values of the arguments of ``train``, and what is said of each."""

from input_commands import NO_GPU, NO_MODEL, Command, same

INIT = "without:--model.num_layers without:--model.lmax without:--model.channels"
INIT += " without:--model.num_heads --init_from {model}"
HASH = "without:--train without:--val"

TRAIN = [
    Command("train", "database", "{missing}", 1, "{missing}: no such database"),
    Command("train", "database", "{text}", 1, "{text}: not an ASE database (SQLite)"),
    Command("train", "database", "{ase}", 1, "{ase}: not a database of records (row 1"),
    Command("train", "database", "ftp://x/y", 2, "ftp://x/y: scheme 'ftp', but a database is a"),
    Command("train", "database", None, 2, "train.database"),
    Command("train", "-o", "{text}", 1, "{text}: is a file; name a folder"),
    Command("train", "-o", "{run}", 1, "{run}: already holds a training; give --resume or another"),
    Command("train", "-o", "{dir}", 1, "{dir}: nothing to resume, there is no last.ck", "--resume"),
    Command("train", "-o", None, 2, "train.output"),
    Command("train", "--train", None, 2, "give both `train` and `val`, or neither for a split by"),
    Command("train", "--train", "{missing}", 1, "{missing}: no such file"),
    Command("train", "--train", "{unknown_ids}", 1, "{db}: has no record mp-0_000"),
    Command("train", "--train", "{train_ids}", 1, "9 materials are in training and validation: "),
    Command("train", "--train", "{empty}", 1, "{empty}: holds no id"),
    Command("train", "--val", "{missing}", 1, "{missing}: no such file"),
    *same("train", "--val_fraction", 2, "`val_fraction` is VALUE but must be in (0, 1)",
          "0.0", "1.0", "-1.0", ".nan"),
    Command("train", "--split_seed", "x", 2, "Parser key \"split_seed\""),
    Command("train", "--members", "0", 2, "`members` is 0 but must be at least 1"),
    Command("train", "--init_from", "{missing}", 1, NO_MODEL, INIT.partition(" --init")[0]),
    Command("train", "--freeze", "embedding", 2, "`freeze` needs `init_from`, the model whose"),
    Command("train", "--freeze", "other", 1, "`freeze` 'other' is not one of embedding,", INIT),
    Command("train", "--config", "{missing}", 2, "{missing}"),
    Command("train", "--config", "{text}", 2, "{text}: expected names with values, found str"),
    Command("train", "--config", "{json}", 2, "'kind'"),
    Command("train", "--nonsense", "1", 2, "arguments: --nonsense"),
]  # fmt: skip

ENERGY = [
    Command("train", "--energy.start", "8990", 2, "give both `start` and `stop`, or neither"),
    Command("train", "--energy.start", "9000", 2, "`start` is 9000.0 and must be below `stop`, 899",
            "--energy.stop 8990"),
    Command("train", "--energy.start", ".nan", 2, "`start` is nan but must be finite",
            "--energy.stop 8990"),
    Command("train", "--energy.stop", ".inf", 2, "`stop` is inf but must be finite",
            "--energy.start 8990"),
    Command("train", "--energy.stop", "5", 1, "{db}: mp-", "--energy.start 1"),
    Command("train", "--energy.stop", "9900", 1, "energies up to 9900.000 eV are asked for but the",
            "--energy.start 8990"),
    *same("train", "--energy.step", 2, "`step` is VALUE but must be positive", "0.0", "-1.0"),
    Command("train", "--energy.step", ".nan", 2, "`step` is nan but must be positive"),
    Command("train", "--energy.step", ".inf", 2, "`step` is inf but must be finite"),
    Command("train", "--energy.step", "1e-9", 1, "energies from 8983.173 to 9043.173 eV in steps"),
    *same("train", "--energy.train_stop", 2, "`train_stop` is VALUE but must be finite",
          ".nan", ".inf"),
    Command("train", "--energy.train_stop", "1", 1, "`train_stop` is 1.0 but must not be below"),
    Command("train", "--energy.extend_below", "-1.0", 2, "`extend_below` is -1.0 but must not be"),
    *same("train", "--energy.extend_below", 2, "`extend_below` is VALUE but must be finite",
          ".nan", ".inf"),
]  # fmt: skip

AT_LEAST_ONE = [
    row
    for name in ("epochs", "batch_size", "max_edges", "patience", "keep")
    for row in same("train", f"--training.{name}", 2, f"`{name}` is VALUE but must be at leas", "0")
]  # fmt: skip
NOT_NEGATIVE = [
    row
    for name in ("lambda_grad", "weight_decay", "checkpoint_minutes")
    for row in same("train", f"--training.{name}", 2, f"`{name}` is VALUE but must not be negative",
                    "-1.0", ".nan")
]  # fmt: skip
FINITE = [
    row
    for name in ("lambda_grad", "weight_decay", "lr")
    for row in same("train", f"--training.{name}", 2, f"`{name}` is VALUE but must be fini", ".inf")
]  # fmt: skip
TRAINING = [
    *AT_LEAST_ONE,
    *NOT_NEGATIVE,
    *FINITE,
    *same("train", "--training.lr", 2, "`lr` is VALUE but must be positive", "0.0", "-1.0", ".nan"),
    *same("train", "--training.clip_norm", 2, "`clip_norm` is VALUE but must be positive",
          "0.0", ".nan"),
    *same("train", "--training.warmup", 2, "`warmup` is VALUE but must be in [0, 1", "1.0", ".nan"),
    *same("train", "--training.displacement", 2, "`displacement` is VALUE but must be in [0, 1)",
          "-0.1", "1.0", ".nan"),
    *same("train", "--training.max_hours", 2, "`max_hours` is VALUE but must be positive and fini",
          "0.0", ".nan", ".inf"),
    *same("train", "--training.ema_decay", 2, "`ema_decay` is VALUE but must be in [0, 1)",
          "1.0", "-0.1"),
    Command("train", "--training.epochs", "x", 2, "Parser key \"training.epochs\""),
    Command("train", "--training.max_edges", "null", 1, "give `batch_size` (graphs a batch), `max"),
    Command("train", "--training.seed", "x", 2, "Parser key \"training.seed\""),
    Command("train", "--training.seed", "9" * 20, 2, f"`seed` is {'9' * 20} but must be a number"),
    Command("train", "--training.device", "gpu", 1, NO_GPU),
    Command("train", "--training.precision", "float16", 2, "float16"),
    Command("train", "--training.workers", "-1", 2, "`workers` is -1 but must not be negative"),
]  # fmt: skip

COUNTS = [
    row
    for name in ("max_z", "num_layers", "channels", "num_radial", "radial_rank", "num_heads")
    for row in same("train", f"--model.{name}", 1, f"`{name}` is VALUE but must be at least 1", "0")
]
MODEL = [
    *COUNTS,
    Command("train", "--model.max_z", "10", 1, "mp-"),
    *same("train", "--model.lmax", 1, "`lmax` is VALUE but must be within 0 .. 4", "5", "-1"),
    *same("train", "--model.r_max", 1, "`r_max` is VALUE but must be positive",
          "0.0", "-1.0", ".nan", ".inf"),
    Command("train", "--model.num_basis", "1", 1, "`num_basis` is 1 but must be at least 4: "),
    Command("train", "--model.basis_scales", "[]", 1, "`basis_scales` is [] but must be"),
    *same("train", "--model.basis_scales", 1, "`basis_scales` is [", "[-1.0]", "[.nan]", "[.inf]"),
    *same("train", "--model.dropout", 1, "`dropout` is VALUE but must be at least 0 and below 1",
          "1.0", "-0.1", ".nan"),
    Command("train", "--model.num_heads", "3", 1, "`num_heads` is 3 but must divide `channels`, 4"),
    Command("train", "--model.num_amplitudes", "-1", 1, "`num_amplitudes` is -1 but must be"),
    Command("train", "--model.emin", ".nan", 1, "`emin` is nan and `emax` is"),
    Command("train", "--model.emin", "50", 1, "energies up to 9018.173 eV are asked for but the",
            "--model.emax 0"),
    Command("train", "--model.emax", ".inf", 1, "energies from 8983.173 to inf eV in steps"),
    Command("train", "--model.lmx", "1", 2, "arguments: --model.lmx"),
    Command("train", "--model.channels", "8", 1, "`model.channels` is 8 but {model} has 4; leave i",
            INIT.replace("without:--model.channels ", "").replace(" without:--model.channels", "")),
]  # fmt: skip
