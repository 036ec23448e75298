"""The words of a text that carry meaning, in one form: `sinks`, `sank` and `sinking` are the same word."""

import re

_WORD = re.compile(r"\w+(?:[.'’-]\w+)*")
_STOP = frozenset(
    _WORD.findall(
        "a an the of in on at to for from by with and or is are was were be been being do does did can could "
        "will would should may might must have has had i you he she it we they this that these those what "
        "which who whom whose when where why how many much if then than as not no yes so its their there here "
        "his her hers him them please tell me my your our about into explain describe give say mean"
    )
)
_POSSESSIVES = ("'s", "’s")
_ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ers", "ed", "er", "es", "ly", "s")
# Verbs whose forms no ending tells, each line by its base form.
_VERBS = """\
become became|begin began begun|bind bound|bite bit bitten|blow blew blown|break broke broken|bring brought
build built|burn burnt|buy bought|catch caught|choose chose chosen|cling clung|come came|dig dug|draw drew drawn
drink drank drunk|drive drove driven|eat ate eaten|fall fell fallen|feed fed|feel felt|fight fought|find found
flee fled|fly flew flown|forbid forbade forbidden|forget forgot forgotten|freeze froze frozen|get got gotten
go went gone|grow grew grown|hang hung|hear heard|hide hid hidden|hold held|keep kept|know knew known|lay laid
lead led|learn learnt|leave left|lend lent|lie lay lain|lose lost|make made|meet met|pay paid|ride rode ridden
ring rang rung|rise rose risen|run ran|see saw seen|seek sought|sell sold|send sent|shake shook shaken
shine shone|shoot shot|shrink shrank shrunk|sing sang sung|sink sank sunk|sit sat|sleep slept|speak spoke spoken
spend spent|spin spun|stand stood|steal stole stolen|stick stuck|strike struck|swear swore sworn|swim swam swum
take took taken|teach taught|tear tore torn|tell told|think thought|throw threw thrown|understand understood
wake woke woken|wear wore worn|weave wove woven|win won|write wrote written"""
_BASES = {
    form: forms.split()[0] for line in _VERBS.splitlines() for forms in line.split("|") for form in forms.split()[1:]
}


def stems(text: str) -> frozenset[str]:
    """The words that carry meaning, verbs by their base form, all cut to a rough stem."""
    words = (_owner(word.casefold()) for word in _WORD.findall(text))
    return frozenset(_stem(_BASES.get(word, word)) for word in words if word not in _STOP)


def _owner(word: str) -> str:
    return word[:-2] if word.endswith(_POSSESSIVES) else word


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word
