"""Best and worst sites of a model of several edges: `by_element.py MODEL DATABASE -o PAGE`.

Predicts the validation records, or those of `--ids`, and writes a page, Markdown, with the worst
sites and what they share, and next to it, of the same name with the ending png, the best, median
and worst site of each absorber that has training spectra enough.

    python -m research.by_element any-edge any/any.db -o docs/models/any-edge-sites.md
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from ase.data import atomic_numbers

from research.groups import Group, read_groups
from research.pictures import plot_groups
from research.runner import markdown
from src.errors import ConfigError
from src.uncertainty import FEW

Site = tuple[Group, int]
"""A site: its group and row."""
WORST = 10
HEADER = ("site", "structure", "absorber", "training spectra", "error", "error if shifted",
          "by (eV)", "coordination", "nearest (Angstrom)", "novelty")  # fmt: skip
PAGE = """# {model}: best and worst sites

Errors are root mean squared, in units of the edge step, on the {n_sites} validation sites.
This page is written by

    python -m research.by_element {model} any/any.db -o docs/models/{page}.md

![Best, median and worst validation site of each absorber]({page}.png)

Absorbers and codes with {few} or more training spectra: calculated in gray, predicted in red.

## Worst sites of absorbers with {few} or more training spectra

{worst}
`error if shifted`: with the prediction shifted along the energy axis, by 5 eV at most, to where
the error is least.

What bad sites share: of the sites with a property, the median error, and the fraction in the worst
tenth of these {n_enough} sites.

{shared}
## Worst sites of absorbers with fewer

{worst_few}"""


def rms(site: Site) -> float:
    """Error of a site, % of the edge step."""
    group, row = site
    return 100.0 * float(group.rms[row])


def cells(site: Site) -> tuple[object, ...]:
    """Row of a site in a table."""
    (group, row), one, info = site, site[0].compared, site[0].info
    if one.bands is None:
        raise ConfigError("the model is not calibrated; `e3gnn-xanes calibrate` adds the bands")
    around = one.around[row]
    nearest = ", ".join(f"{symbol} {d:.2f}" for symbol, d in around.nearest.items())
    least, shift = group.shifted(row)
    flag = ", flagged" if one.bands.novel[row] else ""
    return (
        *(one.result.ids[row], one.formulas[row], f"{info.element} {info.edge}"),
        *(info.absorber_spectra, f"{rms(site):.1f} %", f"{100 * least:.1f} %", f"{shift:+.1f}"),
        *(around.coordination, nearest, f"{one.bands.distance[row]:.1f}{flag}"),
    )


def properties(site: Site) -> tuple[str, ...]:
    """What a site may share with others."""
    (group, row), one = site, site[0].compared
    number, nearest = one.around[row].coordination, one.around[row].nearest
    range_ = "3 or less" if number < 4 else "7 or more" if number > 6 else f"{number}"
    flagged = one.bands is not None and one.bands.novel[row]
    element, edge, code = group.kind
    return (f"{element} {edge}", code, f"coordination {range_}",
            f"{'' if 'O' in nearest else 'not '}next to O", f"{'' if flagged else 'not '}flagged",
            )  # fmt: skip


def worst(sites: Sequence[Site]) -> str:
    """The worst sites, in Markdown."""
    chosen = sorted(sites, key=rms, reverse=True)[:WORST]
    return markdown(HEADER, [cells(site) for site in chosen]) if chosen else "There are none.\n"


def shared(sites: Sequence[Site]) -> str:
    """Errors of sites with a common property, worst first, in Markdown."""
    limit, groups = (
        np.quantile([rms(site) for site in sites], 0.9),
        defaultdict[str, list[float]](list),
    )
    for site in sites:
        for name in properties(site):
            groups[name].append(rms(site))
    rows = [
        (100 * np.mean(np.array(errors) > limit), name, errors) for name, errors in groups.items()
    ]
    rows.sort(key=lambda row: (-row[0], row[1]))
    return markdown(
        ("property", "sites", "median error", "in the worst tenth"),
        [(name, len(e), f"{np.median(e):.1f} %", f"{part:.0f} %") for part, name, e in rows],
    )


def main() -> None:
    """Run the command."""
    model, database, groups, output = read_groups(__doc__)
    entries = [database.entry(record_id) for record_id in model.info.train_ids or []]
    trained = Counter((e.element, e.edge, e.code) for e in entries)
    drawn = [g for g in groups if trained[g.kind] >= FEW and len(g.rms) > 2]
    drawn.sort(key=lambda group: (atomic_numbers[group.kind[0]], -trained[group.kind]))
    plot_groups(drawn, output.with_suffix(".png"))
    sites = [(group, row) for group in groups for row in range(len(group.rms))]
    enough = [site for site in sites if (site[0].info.absorber_spectra or 0) >= FEW]
    few = [site for site in sites if (site[0].info.absorber_spectra or 0) < FEW]
    named = {"model": model.name, "page": output.stem, "few": FEW}
    numbers = {"n_sites": len(sites), "n_enough": len(enough)}
    tables = {"worst": worst(enough), "shared": shared(enough), "worst_few": worst(few)}
    output.write_text(PAGE.format(**named, **numbers, **tables))


if __name__ == "__main__":
    main()
