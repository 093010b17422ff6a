"""Calculate spectra of a campaign with FEFF 10, from where it stopped: `campaign.py NAME`.

A campaign draws sites of structures in a fixed order and calculates them one after the other,
`--jobs` at once. Each finished spectrum is appended at once to `research/calculated/NAME.extxyz.xz`
(a frame is an xz stream of its own), each failure to `NAME.failed.csv`; sites in either are not
calculated again. Ctrl-C or SIGTERM ends it; at most the sites under way are lost.

    nice python research/campaign.py any_edge --structures ../shared/data/mp_structures
"""

import argparse
import csv
import hashlib
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from ase.data import atomic_numbers, chemical_symbols
from ase.neighborlist import neighbor_list

from research.frames import append_frame, frame_text
from src.calculation.calculate import Outcome, Request, calculate_site
from src.calculation.feff_run import Failure, Stopped
from src.calculation.plan import Site
from src.calculation.settings import FeffSettings, choose_edge
from src.dataset.record import Record
from src.errors import RecordError
from src.readers.extxyz import Frame, split_frames
from src.readers.feff import read_feff
from src.runtime.atomic_files import hold

FOLDER = Path(__file__).parent / "calculated"
FIELDS = (
    "material",
    "absorber",
    "element",
    "edge",
    "n_atoms",
    "module",
    "message",
    "attempts",
    "seconds",
)


@dataclass(frozen=True)
class Campaign:
    """Where a campaign takes its structures, and how many sites of which elements it draws."""

    file: str
    """Extended xyz of structures."""
    sites: dict[str, int]
    """Number of finished sites of each element that is aimed at."""
    settings: FeffSettings = FeffSettings("fast")
    """Radii and other cards of its calculations."""
    time_limit: float = 1800.0
    """Longest time of one run, seconds."""
    most_neighbors: int | None = None
    """Most atoms within the FMS radius of a site, the cube of which its time grows with."""
    beside: tuple[str, ...] = ()
    """Campaigns whose sites are not calculated again."""


SMALL_CLUSTERS = Campaign(
    "any_element.extxyz.xz",
    dict.fromkeys(chemical_symbols[15:84], 60),
    FeffSettings("fast", scf_radius=3.0, fms_radius=4.0),
    time_limit=120.0,
    most_neighbors=36,
    beside=("any_edge",),
)
CAMPAIGNS = {
    "cu_oxygen_free": Campaign("cu_without_oxygen.extxyz.xz", {"Cu": 900}),
    "any_edge": Campaign("any_element.extxyz.xz", dict.fromkeys(chemical_symbols[15:84], 22)),
    "any_edge_small": SMALL_CLUSTERS,
    "omnixas_train": Campaign(
        "omnixas_train.extxyz.xz",
        {"Mn": 250, "Fe": 250} | dict.fromkeys(["Ti", "V", "Cr", "Co", "Ni"], 100),
    ),
    "omnixas_small": replace(
        SMALL_CLUSTERS,
        file="omnixas_train.extxyz.xz",
        sites=dict.fromkeys(["Ti", "Co", "Ni"], 100),
        beside=("omnixas_train",),
    ),
    "zn_k": Campaign("any_element.extxyz.xz", {"Zn": 250}),
}


def key(site: Site) -> tuple[str, int, str]:
    """What identifies a site."""
    return site.material, site.site, site.edge


def rank(*words: object) -> str:
    """Fixed random order of what words name."""
    return hashlib.sha256("\0".join(map(str, words)).encode()).hexdigest()


def candidates(frames: list[Frame], element: str) -> Iterator[Site]:
    """One site of each material with an element, in random order."""
    known = [frame for frame in frames if element in frame.atoms.get_chemical_symbols()]
    known = [frame for frame in known if frame.info.get("element", element) == element]
    for frame in sorted(known, key=lambda frame: rank(frame.text("material"), element)):
        symbols = frame.atoms.get_chemical_symbols()
        sites = [i for i, symbol in enumerate(symbols) if symbol == element]
        if "sites" in frame.info:
            sites = [int(word) for word in frame.info["sites"].split()]
        first = min(sites, key=lambda site: rank(frame.text("material"), element, site))
        yield Site(frame.text("material"), frame.atoms, first, choose_edge(element, None))


class Draw:
    """Sites to calculate next: always of the element that lacks most."""

    def __init__(self, campaign: Campaign, frames: list[Frame], tried: set, done: Counter) -> None:
        """Begin after what was tried."""
        self.campaign, self.wanted, self.done = campaign, campaign.sites, done
        self.under_way: Counter[str] = Counter()
        self.queues = {element: list(candidates(frames, element)) for element in self.wanted}
        for element, queue in self.queues.items():
            self.queues[element] = [site for site in queue if key(site) not in tried]
        self.materials = Counter(key[0] for key in tried)

    def next(self) -> Site | None:
        """The next site, of a material that was used least; None: nothing is left."""
        lacking = {
            element: (self.done[element] + self.under_way[element]) / wanted
            for element, wanted in self.wanted.items()
            if self.queues[element] and self.done[element] + self.under_way[element] < wanted
        }
        if not lacking:
            return None
        element = min(lacking, key=lambda name: (lacking[name], atomic_numbers[name]))
        queue = self.queues[element]
        site = min(queue, key=lambda site: self.materials[site.material])
        queue.remove(site)
        if self.is_too_large(site):
            return self.next()
        self.materials[site.material] += 1
        self.under_way[element] += 1
        return site

    def is_too_large(self, site: Site) -> bool:
        """Whether a site has more neighbors than the campaign allows."""
        if self.campaign.most_neighbors is None:
            return False
        centers = neighbor_list("i", site.atoms, self.campaign.settings.fms)
        return int((centers == site.site).sum()) > self.campaign.most_neighbors


def calculate(site: Site, campaign: Campaign, stop: threading.Event) -> Outcome | str:
    """Calculate a site; its frame, or the outcome without a spectrum."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        outcome = calculate_site(
            site, Request(root, campaign.settings, time_limit=campaign.time_limit), stop
        )
        if outcome.failure is not None:
            return outcome
        (record,) = read_feff(root)
        if not isinstance(record, Record):
            return replace(outcome, failure=Failure("reader", str(record)))
        return frame_text(record, attempts=outcome.attempts, seconds=f"{outcome.seconds:.1f}")


def read_done(name: str) -> tuple[set, Counter]:
    """What was tried in a campaign, and how many sites of each element are finished."""
    path, failed = FOLDER / f"{name}.extxyz.xz", FOLDER / f"{name}.failed.csv"
    tried, done = set(), Counter[str]()
    for _, read in split_frames(path) if path.is_file() else ():
        try:
            frame = read()
        except RecordError as error:
            raise SystemExit(error) from error
        absorber = int(frame.text("absorber"))
        tried.add((frame.text("material"), absorber, frame.text("edge")))
        done[frame.atoms[absorber].symbol] += 1
    if failed.is_file():
        with failed.open(newline="") as file:
            for entry in csv.DictReader(file):
                tried.add((entry["material"], int(entry["absorber"]), entry["edge"]))
    return tried, done


def append_failure(path: Path, site: Site, outcome: Outcome, failure: Failure) -> None:
    """Append a row to the table of failures."""
    new = not path.is_file()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(FIELDS)
        about = [site.material, site.site, site.element, site.edge, len(site.atoms)]
        why = [failure.module, failure.message[:300], outcome.attempts]
        writer.writerow([*about, *why, f"{outcome.seconds:.1f}"])


def run(name: str, structures: Path, jobs: int, limit: int | None) -> None:
    """Go on with a campaign."""
    campaign = CAMPAIGNS[name]
    path, failed = FOLDER / f"{name}.extxyz.xz", FOLDER / f"{name}.failed.csv"
    frames = [read() for _, read in split_frames(structures / campaign.file)]
    tried, done = read_done(name)
    for other in campaign.beside:
        tried |= read_done(other)[0]
    draw, stop, left = Draw(campaign, frames, tried, done), threading.Event(), limit or 10**9
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    started: dict[Future, tuple[Site, float]] = {}
    with ThreadPoolExecutor(jobs) as pool:
        while not stop.is_set():
            while len(started) < jobs and left and (site := draw.next()) is not None:
                left -= 1
                started[pool.submit(calculate, site, campaign, stop)] = (
                    site,
                    time.monotonic(),
                )
            if not started:
                break
            for future in wait(started, timeout=1.0, return_when=FIRST_COMPLETED).done:
                site, begun = started.pop(future)
                try:
                    found = future.result()
                except Stopped:
                    continue
                draw.under_way[site.element] -= 1
                if isinstance(found, str):
                    draw.done[site.element] += 1
                    append_frame(path, found)
                    told = f"done, {sum(draw.done.values())} sites"
                elif found.failure is not None:
                    append_failure(failed, site, found, found.failure)
                    told = str(found.failure)
                seconds = time.monotonic() - begun
                about = f"{site.id} {site.element} {site.edge}, {len(site.atoms)} atoms"
                print(f"{about}, {seconds:.0f} s: {told}", flush=True)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=CAMPAIGNS)
    parser.add_argument("--structures", type=Path, default=Path("../shared/data/mp_structures"))
    parser.add_argument("--jobs", type=int, default=1, help="sites at once")
    parser.add_argument("--limit", type=int, default=None, help="sites to try; default: all")
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    with hold(FOLDER / f".{arguments.name}.lock"):
        run(arguments.name, arguments.structures, arguments.jobs, arguments.limit)


if __name__ == "__main__":
    main()
