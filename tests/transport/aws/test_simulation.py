"""The simulators on AWS's wire: what botocore sends is what is simulated, and what it reads is the answer."""

from __future__ import annotations

import json
from pathlib import Path

from ...app.questions.test_simulate import cases, world
from ...databases import fresh
from ...service import served
from ...wire import aws_key


async def test_the_cases_as_a_client_of_aws_has_them(tmp_path: Path) -> None:
    async with fresh("sqlite", tmp_path) as url, served(url, tmp_path) as service:
        await world(service)
        root = await aws_key(service)
        answered = 0
        for case in cases():
            if "answer" not in case:
                continue
            given = json.loads(json.dumps(case["with"]), object_hook=_texts)
            answer = await root.ask(case["operation"], **given)
            assert answer.status == 200, (case["note"], answer.text)
            found = {key: value for key, value in answer.data.items() if key != "ResponseMetadata"}
            keys = case["operation"].startswith("Get")
            assert found == ({"ContextKeyNames": case["answer"]} if keys else case["answer"]), case["note"]
            answered += 1
        assert answered > 40


async def test_what_can_t_be_is_refused_in_aws_s_words(tmp_path: Path) -> None:
    async with fresh("sqlite", tmp_path) as url, served(url, tmp_path) as service:
        await world(service)
        root = await aws_key(service)
        for case in cases():
            # A structure that is empty can't be sent.
            is_sent = {} not in case["with"].get("PolicyExclusionList", ())
            if not is_sent or case.get("error", {}).get("Code") not in ("InvalidInput", "NoSuchEntity"):
                continue
            answer = await root.ask(case["operation"], **json.loads(json.dumps(case["with"]), object_hook=_texts))
            assert answer.code == case["error"]["Code"], (case["note"], answer.text)
            assert answer.message == case["error"]["Message"], case["note"]


def _texts(value: dict[str, object]) -> object:
    """A policy stands in a case as an object."""
    return json.dumps(value) if "Statement" in value else value
