"""Questions with their context, and the sentence that answers, written for these tests."""

from dataclasses import dataclass

HARBOUR = """\
Port Elverum was founded in 1842 by two brothers who traded salt. The first lighthouse was made of oak and burned down
after nine years. Its successor, built of granite by the engineer Marta Lindqvist, still stands on the northern pier.
Herring made the town rich until the shoals moved away in 1911. Today most people work at the shipyard, which employs
640 welders and fitters. A ferry leaves for Skarholm every morning at 07:15 and returns at dusk. The crossing takes two
hours in calm weather. The town council meets in the old customs house."""

HANDBOOK = """\
# Leave
Every employee has 28 days of paid leave a year.
Leave that is not taken by the end of March is lost.
Requests go to your team lead at least two weeks ahead.

# Expenses
Travel by train is paid in first class above three hours.
Receipts are handed in within 30 days, as a scan.
Meals are covered up to 40 euros a day.

# Equipment
- Laptops are replaced every four years.
- A lost badge must be reported to the front desk at once.
- Private software needs the approval of the security team."""

RUNBOOK = """\
The ingest service reads from the queue and writes Parquet files to the bucket. It is stateless and may be restarted at
any time. When the disk of the broker is full, producers get timeouts and the lag alarm fires within five minutes. To
recover, delete the oldest segments and restart the broker. The on-call engineer of the data team owns this service.
Dashboards live under the folder Ingest. A deployment takes about six minutes and is rolled back automatically if the
error rate exceeds two percent. Backups of the schema registry are made every night at 02:00 UTC. The retention of raw
events is 14 days. Credentials are rotated each quarter by the platform team."""

SPECIES = """\
The marsh warbler mimics more than seventy other birds. Its nest hangs between reed stems like a small cup. The female
lays four or five pale eggs in June. Both parents feed the young, mainly with spiders and small flies. In August the
birds leave for southern Africa. Drained wetlands are the main reason for its decline."""

CONFIG = """\
The gateway listens on port 4000, the portal on port 4080.
Keys are stored as SHA-256 digests and shown only once.
A revoked key stops working within one second.
The ledger chains each entry to the one before it by a hash.
Set LUMINA_HOME to move all state to another folder.
Raw prompts are never written to telemetry.
The embedded models leave memory after five idle minutes."""


@dataclass(frozen=True)
class Case:
    """`expected` is a piece of the one sentence that answers; None if the context holds no answer."""

    context: str
    question: str
    expected: str | None


CASES = (
    Case(HARBOUR, "Who built the second lighthouse?", "Marta Lindqvist"),
    Case(HARBOUR, "When was the town founded?", "founded in 1842"),
    Case(HARBOUR, "How many people does the shipyard employ?", "640 welders"),
    Case(HARBOUR, "What time does the boat to Skarholm depart?", "07:15"),
    Case(HARBOUR, "How long is the crossing?", "two\nhours in calm weather"),
    Case(HARBOUR, "Where does the council meet?", "customs house"),
    Case(HARBOUR, "Why did the town stop being rich?", "shoals moved away"),
    Case(HARBOUR, "What happened to the first lighthouse?", "burned down"),
    Case(HANDBOOK, "How many vacation days do I get?", "28 days"),
    Case(HANDBOOK, "By when do I have to submit receipts?", "within 30 days"),
    Case(HANDBOOK, "What should I do if I lose my badge?", "reported to the front desk"),
    Case(HANDBOOK, "How often do we get a new laptop?", "every four years"),
    Case(HANDBOOK, "Can I install my own software?", "approval of the security team"),
    Case(HANDBOOK, "How much may I spend on food per day?", "40 euros"),
    Case(HANDBOOK, "What happens to unused leave?", "is lost"),
    Case(RUNBOOK, "What do I do when the broker's disk is full?", "delete the oldest segments"),
    Case(RUNBOOK, "Who is responsible for the ingest service?", "on-call engineer of the data team"),
    Case(RUNBOOK, "How long are raw events kept?", "14 days"),
    Case(RUNBOOK, "When are backups taken?", "02:00 UTC"),
    Case(RUNBOOK, "Under what condition is a deployment rolled back?", "two percent"),
    Case(RUNBOOK, "How often are credentials changed?", "each quarter"),
    Case(SPECIES, "What do the chicks eat?", "spiders and small flies"),
    Case(SPECIES, "Why is the bird becoming rarer?", "Drained wetlands"),
    Case(SPECIES, "How many eggs are laid?", "four or five"),
    Case(SPECIES, "Where does the species spend the winter?", "southern Africa"),
    Case(CONFIG, "Which port does the gateway use?", "port 4000"),
    Case(CONFIG, "How fast does revocation of a key take effect?", "within one second"),
    Case(CONFIG, "How do I change the folder of the state?", "LUMINA_HOME"),
    Case(CONFIG, "Are prompts stored in telemetry?", "never written"),
    Case(HARBOUR, "What is the boiling point of mercury?", None),
    Case(HANDBOOK, "Who won the chess championship?", None),
    Case(SPECIES, "How do I reset my password?", None),
    Case(RUNBOOK, "Which composer wrote the opera Carmen?", None),
    Case("You are a helpful assistant.", "What is the capital of France?", None),
    Case("You are a helpful assistant.", "Say hello!", None),
)


VASA = """\
The Vasa was a Swedish warship. She was built in Stockholm by Henrik Hybertsson. She sank on her first voyage in 1628.
The ship was raised again in 1961."""
PORTS = "Lumina's gateway listens on port 4000. The control plane listens on port 4080."

# Answered by the very sentence, and by no other. The ranking was tuned on these and on CASES.
EXACT_CASES = (
    Case(VASA, "When did the Vasa sink?", "She sank on her first voyage in 1628."),
    Case(VASA, "Who built the Vasa?", "She was built in Stockholm by Henrik Hybertsson."),
    Case(VASA, "When was the ship raised?", "The ship was raised again in 1961."),
    Case(PORTS, "Where does the gateway listen?", "Lumina's gateway listens on port 4000."),
    Case(PORTS, "On which port does the control plane listen?", "The control plane listens on port 4080."),
)

ORCHARD = """\
Ingrid Solheim bought the orchard in 1987. She grew pears on its southern slope. Her son Peter took over the farm in
2015. He sold the cider press to a neighbour. The barn burned in the winter of 1999. It was rebuilt with stone from
the quarry at Lunde."""
TELESCOPE = """\
The Halden telescope is a radio dish of forty metres. It was designed by Aruna Patel. It went into service in 1974.
Astronomers found the pulsar J0411 with it in 1982. The receiver is cooled with liquid helium. The dish stands in a
valley near Rovik, where few people live."""
SERVICES = """\
The billing worker runs on the host amber. The search worker runs on the host cobalt. Invoices are written every
Monday by the billing worker. The search index was lost in March. It took nine hours to build it anew. Nadia Rahman
leads the search group. Omar Diaz leads the billing group."""

# Not looked at while the ranking was tuned.
UNSEEN_CASES = (
    Case(ORCHARD, "Who bought the orchard?", "Ingrid Solheim bought"),
    Case(ORCHARD, "What did Ingrid Solheim grow?", "She grew pears"),
    Case(ORCHARD, "When did Peter take over the farm?", "2015"),
    Case(ORCHARD, "When did the barn burn?", "winter of 1999"),
    Case(ORCHARD, "What was the barn rebuilt with?", "stone from"),
    Case(TELESCOPE, "Who designed the telescope?", "Aruna Patel"),
    Case(TELESCOPE, "When did the telescope go into service?", "1974"),
    Case(TELESCOPE, "When was the pulsar found?", "1982"),
    Case(TELESCOPE, "Where does the dish stand?", "near Rovik"),
    Case(TELESCOPE, "How is the receiver cooled?", "liquid helium"),
    Case(SERVICES, "Where does the search worker run?", "cobalt"),
    Case(SERVICES, "When are invoices written?", "every\nMonday"),
    Case(SERVICES, "When was the search index lost?", "March"),
    Case(SERVICES, "How long did it take to build the index?", "nine hours"),
    Case(SERVICES, "Who leads the billing group?", "Omar Diaz"),
)
