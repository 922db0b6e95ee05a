"""Pages and alerts of one seed, and how well an answer ranks."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from benches.runbooks.faults import FAULTS, Fault
from benches.runbooks.things import THINGS, Thing

# Of neither things nor faults; some of their words stand in runbooks too.
NONSENSE = (
    "how long must a sourdough loaf rest before it goes into the oven",
    "who painted the ceiling of the Sistine chapel",
    "cheap holiday flats near the harbour of Lisbon",
    "my aunt plays the violin in a village orchestra",
    "zzyx plugh frobozz xyzzy grue",
    "the tallest waterfall of South America and its birds",
    "songs to sing with toddlers on a rainy afternoon",
    "which wine goes well with roasted duck and cherries",
    "rules of cricket explained to a beginner",
    "a limerick about a bishop and his umbrella",
    "when do storks fly south over the Bosporus",
    "crochet a blanket with granny squares",
    "the emperor penguin guards its egg through winter",
    "easy tango steps for shy couples",
    "was Shakespeare the author of all his sonnets",
    "planting tulips and daffodils under apple trees",
    "colours of the flags of Scandinavia",
    "how to fold a paper crane",
    "prices of second hand bicycles in Utrecht",
    "the plot of a romantic comedy set in Venice",
)


@dataclass(frozen=True)
class Made:
    """Pages by path, and alerts with the path of the page that each is about."""

    pages: dict[str, str]
    asked: list[tuple[str, str]]


def make(seed: int) -> Made:
    """Return 200 pages and one alert about each."""
    dice = random.Random(seed)
    pages, asked = dict[str, str](), list[tuple[str, str]]()
    for thing in THINGS:
        for fault in FAULTS:
            path = f"{thing.slug}/{fault.slug}.md"
            pages[path] = _page(dice, thing, fault)
            asked.append((_alert(dice, thing, fault), path))
    return Made(pages, asked)


def gain(ranked: Sequence[str], wanted: str, count: int = 10) -> float:
    """Return nDCG at ``count`` where one page is the right one: 1 for the first place, less for each further one."""
    places = list(ranked[:count])
    return 1 / math.log2(2 + places.index(wanted)) if wanted in places else 0.0


def _page(dice: random.Random, thing: Thing, fault: Fault) -> str:
    name = dice.choice(thing.written)
    front = (
        f"---\nowner: team-{dice.choice('abc')}\nreviewed: 2026-0{dice.randint(1, 9)}\n---\n\n"
        if dice.random() < 0.3
        else ""
    )
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(dice.sample(fault.steps, 2), 1))
    causes = "\n".join(f"- {cause}" for cause in dice.sample(fault.causes, 2))
    return (
        f"{front}# {fault.title}: {name}\n\n{dice.choice(fault.signs)} This page is about {name}.\n\n"
        f"## Impact\n\n{dice.choice(_IMPACTS)}\n\n## Causes\n\n{causes}\n\n"
        f"## What to do\n\n{steps}\n\n{dice.choice(thing.lore)}\n\n## Escalation\n\n{dice.choice(_ESCALATIONS)}\n"
    )


def _alert(dice: random.Random, thing: Thing, fault: Fault) -> str:
    return dice.choice(fault.told).format(
        thing=dice.choice(thing.alerted), host=dice.choice(thing.hosts), camel=thing.camel, small=dice.randint(1, 5),
        high=dice.randint(91, 99), big=dice.randint(12, 60), ms=dice.randint(300, 9000), port=dice.randint(1024, 9999),
    )  # fmt: skip


_IMPACTS = (
    "Customers notice within minutes.",
    "Nothing is lost, but work piles up.",
    "Only colleagues see it, during office hours.",
    "What comes in meanwhile is kept and done later.",
)
_ESCALATIONS = (
    "After half an hour call the second line.",
    "By day ask in the channel of the team, by night call who is on duty.",
    "Write down what you did: it goes into the next review.",
)
