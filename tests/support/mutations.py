"""Damage to text files, one kind a function: `(generator, bytes) -> bytes`."""

import re

NUMBER = re.compile(rb"(?<![\w.])[+-]?\d+\.\d*(?:[eE][+-]\d+)?(?![\w.])")


def truncated(rng, data):
    return data[: int(rng.integers(len(data) + 1))]


def truncated_at_a_line(rng, data):
    lines = data.splitlines(keepends=True)
    return b"".join(lines[: int(rng.integers(len(lines) + 1))])


def binary_within(rng, data):
    at = int(rng.integers(len(data)))
    return data[:at] + rng.bytes(30) + data[at + 30 :]


def non_ascii_byte(rng, data):
    at = int(rng.integers(len(data)))
    return data[:at] + bytes([int(rng.integers(128, 256))]) + data[at + 1 :]


def decimal_commas(rng, data):
    return re.sub(rb"(?<=\d)\.(?=\d)", b",", data)


def one_number(change):
    """Change a number somewhere in the file."""

    def mutate(rng, data):
        found = list(NUMBER.finditer(data))
        if not found:
            return data
        match = found[int(rng.integers(len(found)))]
        return data[: match.start()] + change(match[0]) + data[match.end() :]

    return mutate


def digit(rng, data):
    places = [match.start() for match in re.finditer(rb"\d", data)]
    at = places[int(rng.integers(len(places)))]
    return data[:at] + str(int(rng.integers(10))).encode() + data[at + 1 :]


def duplicated_line(rng, data):
    lines = data.splitlines(keepends=True)
    at = int(rng.integers(len(lines)))
    return b"".join([*lines[: at + 1], *lines[at:]])


def deleted_line(rng, data):
    lines = data.splitlines(keepends=True)
    del lines[int(rng.integers(len(lines)))]
    return b"".join(lines)


def exchanged_lines(rng, data):
    lines = data.splitlines(keepends=True)
    a, b = rng.integers(len(lines), size=2)
    lines[a], lines[b] = lines[b], lines[a]
    return b"".join(lines)


def long_line(rng, data):
    lines = data.splitlines(keepends=True)
    at = int(rng.integers(len(lines)))
    lines[at] = lines[at].rstrip(b"\n") * (100_000 // len(lines[at]) + 1) + b"\n"
    return b"".join(lines)


def is_row(line):
    """Whether a line is one of the table: an atom, or numbers."""
    words = line.split()
    return len(words) > 1 and all(NUMBER.fullmatch(word) for word in words[1:3])


def shuffled_rows(rng, data):
    lines = data.splitlines(keepends=True)
    rows = [k for k, line in enumerate(lines) if is_row(line)]
    for k, other in zip(rows, rng.permutation(rows), strict=True):
        lines[k] = data.splitlines(keepends=True)[other]
    return b"".join(lines)


def swapped_columns(rng, data):
    lines = data.splitlines(keepends=True)
    rows = [k for k, line in enumerate(lines) if is_row(line)]
    if not rows:
        return data
    count = min(len(lines[k].split()) for k in rows)
    a, b = rng.choice(count, size=2, replace=False)
    for k in rows:
        words = lines[k].split()
        words[a], words[b] = words[b], words[a]
        lines[k] = b"  ".join(words) + b"\n"
    return b"".join(lines)


def other_absorber(rng, data):
    """The absorber's index, atomic number or symbol, as each format names it."""
    other = str(int(rng.integers(1, 60))).encode()
    for pattern in (rb"(absorber=)\d+", rb"(Abs\s+Z=\s*)\d+", rb"(Z_absorber\s+)\d+"):
        if re.search(pattern, data):
            return re.sub(pattern, rb"\g<1>" + other, data)
    if b"POTENTIALS" in data:
        return re.sub(rb"(POTENTIALS[^\d]*\n\s*0\s+)\d+", rb"\g<1>" + other, data)
    if b"XDI" in data[:20]:
        name = [b"Zn", b"Fe", b"Ni", b"Pt"][int(rng.integers(4))]
        return re.sub(rb"(Element.symbol:\s*)\w+", rb"\g<1>" + name, data)
    return data.replace(b"Cu", b"Zn")


MUTATIONS = {
    "truncated": truncated,
    "truncated_at_a_line": truncated_at_a_line,
    "empty": lambda rng, data: b"",
    "binary": lambda rng, data: rng.bytes(min(len(data), 5000)),
    "binary_within": binary_within,
    "non_ascii_byte": non_ascii_byte,
    "windows_line_ends": lambda rng, data: data.replace(b"\n", b"\r\n"),
    "decimal_commas": decimal_commas,
    "decimal_comma": one_number(lambda word: word.replace(b".", b",")),
    "nan": one_number(lambda word: b"NaN"),
    "stars": one_number(lambda word: b"*" * len(word)),
    "fortran_exponent": one_number(lambda word: b"1.0-101"),
    "sign": one_number(lambda w: w[1:] if w[:1] == b"-" else b"-" + w.lstrip(b"+")),
    "underscore": one_number(lambda word: word.replace(b".", b"0_0.", 1)),
    "too_large": one_number(lambda word: b"1.0E+999"),
    "digit": digit,
    "duplicated_line": duplicated_line,
    "deleted_line": deleted_line,
    "exchanged_lines": exchanged_lines,
    "long_line": long_line,
    "shuffled_rows": shuffled_rows,
    "swapped_columns": swapped_columns,
    "other_absorber": other_absorber,
}
HARMFUL = {
    "empty", "binary", "windows_line_ends", "decimal_commas", "decimal_comma", "nan", "stars",
    "too_large", "long_line",
}  # fmt: skip
"""After these a reader must refuse a file or give what it gave before; no other file comes out."""
