"""From a checked request to its answers: what `lumina/extractive` does for each question."""

from lumina_inference.embedded.answers import Answer, Reply
from lumina_inference.embedded.chat import Job
from lumina_inference.embedded.conversation import Asked
from lumina_inference.embedded.encoder import Encoder
from lumina_inference.embedded.extractive import NO_CONTEXT, answer, candidates
from lumina_inference.embedded.minilm import MiniLM, shortened
from lumina_inference.embedded.refusals import too_long

MOST_PROMPT_TOKENS = 131_072


async def reply(job: Job, encoder: Encoder) -> Reply:
    """The answers to all questions of the request. Raises Refusal when the context is too long."""
    prompt_tokens = await encoder.count(job.counted, MOST_PROMPT_TOKENS)
    if prompt_tokens > MOST_PROMPT_TOKENS:
        raise too_long(
            f"The request has more than {MOST_PROMPT_TOKENS} word pieces, the most that lumina/extractive reads.",
            "messages" if job.chat else "prompt",
        )
    answers = [await _answered(asked, job, encoder) for asked in job.asked]
    return Reply(tuple(answers), prompt_tokens)


async def _answered(asked: Asked, job: Job, encoder: Encoder) -> Answer:
    given = await encoder.worker.run(candidates, asked)
    if given is None:
        return await encoder.worker.run(_bounded, NO_CONTEXT, job, encoder.minilm)
    ids = [shortened(each) for each in await encoder.ids(given.texts)]
    text = answer(given, await encoder.vectors(ids))
    return await encoder.worker.run(_bounded, text, job, encoder.minilm)


def _bounded(text: str, job: Job, minilm: MiniLM) -> Answer:
    """The text up to the first stop sequence, and then up to `max_tokens`."""
    cuts = [found for stop in job.stops if (found := text.find(stop)) >= 0]
    stopped = text[: min(cuts)] if cuts else text
    kept = minilm.first(stopped, job.max_tokens) if job.max_tokens else stopped
    return Answer(kept, minilm.count([kept]), "length" if kept != stopped else "stop")
