"""What is true of every request and every answer, whatever it is about."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import Response

from control_api.errors import MEDIA_TYPE
from control_api.health.service import HealthService
from control_api.metrics import Metrics
from tests.fakes.control_plane import Client, ControlPlane, reconfigured

PRESET = {"preset": {"industry": "health", "language": "fr"}}
PAGE = "https://app.example.com"


def code_of(answer: httpx.Response) -> str:
    """Of a problem, whose form is right."""
    assert answer.headers["content-type"] == MEDIA_TYPE, answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["title"]
    assert body["detail"]
    return str(body["type"]).removeprefix("urn:ava:problem:")


class TestRequestIds:
    async def test_a_proxys_is_kept(self, owner: Client) -> None:
        """Both logs can be put side by side."""
        answer = await owner.get("/v1/tenant", headers={"x-request-id": "edge-7f3a.91"})
        assert answer.headers["x-request-id"] == "edge-7f3a.91"

    @pytest.mark.parametrize("given", ["", "short", "x" * 65, "has space", "<script>alert(1)</script>", "é" * 10])
    async def test_anything_else_is_replaced(self, owner: Client, given: str) -> None:
        """What is echoed is of one form, so that it can stand in a log and a page."""
        answer = await owner.get("/v1/tenant", headers={"x-request-id": given.encode("latin-1")})  # type: ignore[dict-item]
        assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


class TestHeaders:
    @pytest.mark.parametrize("path", ["/v1/tenant", "/v1/nothing", "/livez", "/openapi.json", "/docs"])
    async def test_every_answer_is_safe_to_show(self, owner: Client, path: str) -> None:
        answer = await owner.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers

    async def test_what_is_a_tenants_is_kept_by_nobody(self, owner: Client) -> None:
        """No cache on the way keeps it, problems neither."""
        for path in ("/v1/tenant", f"/v1/calls/{uuid4()}"):
            assert (await owner.get(path)).headers["cache-control"] == "no-store"


class TestOtherOrigins:
    """CORS: pages of listed origins may ask, and read what they are told; no other page may."""

    @pytest_asyncio.fixture(loop_scope="session")
    async def deployed(self, plane: ControlPlane) -> AsyncIterator[ControlPlane]:
        async with reconfigured(plane, ava_api_cors_origins=f"{PAGE}, http://localhost:3000") as other:
            yield other

    async def test_a_listed_page_asks_and_reads(self, deployed: ControlPlane) -> None:
        http = await deployed.client(None)
        wanted = {"access-control-request-method": "PATCH", "access-control-request-headers": "authorization, if-match"}
        asked = await http.options("/v1/tenant", headers={"origin": PAGE, **wanted})
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == PAGE
        assert "PATCH" in asked.headers["access-control-allow-methods"]
        owner = await deployed.owner()
        answer = await owner.get("/v1/tenant", headers={"origin": PAGE})
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "origin" in answer.headers["vary"].lower()
        exposed = answer.headers["access-control-expose-headers"].lower()
        for name in ("etag", "x-request-id", "retry-after", "ratelimit", "location", "idempotency-replayed"):
            assert name in exposed
        assert "access-control-allow-credentials" not in answer.headers

    async def test_another_page_does_not(self, deployed: ControlPlane) -> None:
        owner = await deployed.owner()
        wanted = {"access-control-request-method": "GET", "origin": "https://evil.example.com"}
        assert (await owner.http.options("/v1/tenant", headers=wanted)).status_code == 400
        for origin in ("https://evil.example.com", "https://app.example.com.evil.example", "null"):
            answer = await owner.get("/v1/tenant", headers={"origin": origin})
            assert "access-control-allow-origin" not in answer.headers

    async def test_a_page_reads_every_problem(self, plane: ControlPlane) -> None:
        """Those of the outermost layer, too: a page that can't read a 429 can't wait."""
        async with reconfigured(
            plane, ava_api_cors_origins=PAGE, ava_rate_limit_per_address="4/hour", ava_api_max_body_kib=16
        ) as deployed:
            http = await deployed.client((await deployed.token())[0])
            headers = {"origin": PAGE}
            large = await http.post("/v1/tenants", content=b" " * 20_000, headers=headers)
            lost = await http.get("/v1/nothing", headers=headers)
            answers = [await http.get("/v1/me", headers=headers) for _ in range(4)]
            assert [large.status_code, lost.status_code, answers[-1].status_code] == [413, 404, 429]
            for answer in (large, lost, answers[-1]):
                assert answer.headers["access-control-allow-origin"] == PAGE

    async def test_none_without_a_list(self, plane: ControlPlane, owner: Client) -> None:
        answer = await owner.get("/v1/tenant", headers={"origin": PAGE})
        assert "access-control-allow-origin" not in answer.headers


class TestAddresses:
    async def test_nothing_is_there(self, plane: ControlPlane, owner: Client) -> None:
        """404 as a problem, whoever asks."""
        for http in (owner.http, await plane.client(None)):
            assert code_of(await http.get("/v1/nothing")) == "not_found"
            assert code_of(await http.post("/", json={})) == "not_found"

    async def test_another_method(self, owner: Client) -> None:
        """405 names all that are allowed there, also those of other operations of the same address."""
        answer = await owner.http.delete("/v1/assistants")
        assert (answer.status_code, code_of(answer)) == (405, "method_not_allowed")
        assert sorted(answer.headers["allow"].split(", ")) == ["GET", "HEAD", "POST"]
        answer = await owner.post(f"/v1/assistants/{uuid4()}", {})
        assert sorted(answer.headers["allow"].split(", ")) == ["GET", "HEAD", "PATCH"]
        answer = await owner.http.options("/v1/tenant")
        assert (answer.status_code, code_of(answer)) == (405, "method_not_allowed")

    async def test_a_slash_too_many(self, owner: Client) -> None:
        """No redirect, which would be another request to nobody knows what host: it is not there."""
        for answer in (await owner.get("/v1/tenant/"), await owner.post("/v1/assistants/", PRESET)):
            assert (answer.status_code, code_of(answer)) == (404, "not_found")

    @pytest.mark.parametrize("path", ["/v1/tenant", "/livez", "/v1/assistants", "/openapi.json"])
    async def test_head_is_get_without_a_body(self, owner: Client, path: str) -> None:
        """Same status and headers, for who asks only whether it is there."""
        got, head = await owner.get(path), await owner.http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        varying = {"x-request-id", "ratelimit"}
        assert {k: v for k, v in head.headers.items() if k not in varying} == {
            k: v for k, v in got.headers.items() if k not in varying
        }

    async def test_head_of_what_is_not_there(self, owner: Client) -> None:
        answer = await owner.http.head(f"/v1/assistants/{uuid4()}")
        assert (answer.status_code, answer.content) == (404, b"")
        assert (await owner.http.head("/v1/invitations/accept")).status_code == 405


class TestBodies:
    @pytest_asyncio.fixture(loop_scope="session")
    async def small(self, plane: ControlPlane) -> AsyncIterator[Client]:
        async with reconfigured(plane, ava_api_max_body_kib=16) as deployed:
            yield await deployed.owner()

    async def test_too_large_by_its_own_word(self, small: Client) -> None:
        answer = await small.post("/v1/tenants", {"name": "x" * 20_000})
        assert (answer.status_code, code_of(answer)) == (413, "body_too_large")

    async def test_too_large_in_chunks(self, small: Client) -> None:
        """Without a Content-Length, what is over the limit is not read."""
        sent = 0

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal sent
            while sent < 1_000_000:
                sent += 8_192
                yield b" " * 8_192

        answer = await small.http.post("/v1/tenants", content=chunks(), headers={"content-type": "application/json"})
        assert (answer.status_code, code_of(answer)) == (413, "body_too_large")

    async def test_as_large_as_may_be(self, small: Client) -> None:
        body = json.dumps({"name": "Practice"}).encode()
        content = body + b" " * (16 * 1024 - len(body))
        answer = await small.http.post("/v1/tenants", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 201

    @pytest.mark.parametrize(
        "content",
        [
            b"", b"{", b"[]", b"null", b"42", b'"x"', b"\xff\xfe{}", b'{"name": "\xc3\x28"}', b"[" * 100_000,
            b'{"a":' * 50_000, b'{"name": ' + b"9" * 5_000 + b"}", b'{"name": "\\ud800"}', b'{"name": NaN}',
            b'{"name": "x", "name": "\\u0000"}', b'{"name": "x\x00"}',
        ],
        ids=range(15),
    )  # fmt: skip
    @pytest.mark.parametrize("key", [{}, {"idempotency-key": "of-nonsense"}], ids=["without key", "with key"])
    async def test_what_is_no_request(self, owner: Client, content: bytes, key: dict[str, str]) -> None:
        """422 in words, never a 500: no JSON, too deep, no text, no object, what Postgres can't keep."""
        headers = {"content-type": "application/json", "idempotency-key": str(uuid4())} if key else {}
        answer = await owner.http.post(
            "/v1/tenants", content=content, headers={"content-type": "application/json", **headers}
        )
        assert (answer.status_code, code_of(answer)) == (422, "invalid_request")

    @pytest.mark.parametrize(
        "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
    )
    async def test_what_is_not_sent_as_json(self, owner: Client, media_type: str) -> None:
        answer = await owner.http.post(
            "/v1/tenants", content=b'{"name": "x"}', headers={"content-type": media_type} if media_type else {}
        )
        assert (answer.status_code, code_of(answer)) == (422, "invalid_request")
        assert "JSON" in answer.json()["detail"] + str(answer.json().get("errors"))

    @pytest.mark.parametrize(
        "path",
        ["/v1/members/a%00b", "/v1/calls?caller=%00", "/v1/presets?industry=health%00", "/v1/voices?search=a%00"],
    )
    async def test_nul_in_an_address(self, owner: Client, path: str) -> None:
        """Postgres keeps no U+0000: it is refused before anybody is asked."""
        answer = await owner.http.request("DELETE" if "members" in path else "GET", path)
        assert (answer.status_code, code_of(answer)) == (422, "invalid_request")


class TestTags:
    """ETag and If-Match."""

    async def test_required_where_a_change_could_overwrite_another(self, owner: Client) -> None:
        made = await owner.made("/v1/assistants", PRESET)
        path = f"/v1/assistants/{made['assistant_id']}"
        read = await owner.get(path)
        assert re.fullmatch(r'"r\d+"', read.headers["etag"])
        missing = await owner.http.patch(path, json={"name": "x"})
        assert (missing.status_code, code_of(missing)) == (428, "precondition_required")
        changed = await owner.http.patch(path, json={"name": "x"}, headers={"if-match": read.headers["etag"]})
        assert changed.status_code == 200
        assert changed.headers["etag"] != read.headers["etag"]
        stale = await owner.http.patch(path, json={"name": "y"}, headers={"if-match": read.headers["etag"]})
        assert (stale.status_code, code_of(stale)) == (412, "stale")
        assert f'"r{stale.json()["current"]}"' == changed.headers["etag"]
        assert (await owner.get(path)).json()["name"] == "x"
        whatever = await owner.http.patch(path, json={"name": "z"}, headers={"if-match": "*"})
        assert whatever.status_code == 200
        weak = await owner.http.patch(path, json={"name": "w"}, headers={"if-match": f"W/{whatever.headers['etag']}"})
        assert weak.status_code == 200

    @pytest.mark.parametrize("tag", ["r1", '"1"', '"r1', '"r99999999999"', "", '"r-1"', '"r1", "r2"', "é"])
    async def test_what_is_no_tag_of_ours(self, owner: Client, tag: str) -> None:
        made = await owner.made("/v1/assistants", PRESET)
        answer = await owner.http.patch(
            f"/v1/assistants/{made['assistant_id']}", json={"name": "x"}, headers={"if-match": tag.encode("latin-1")}
        )
        assert (answer.status_code, code_of(answer)) == (422, "invalid_request")


class TestIdempotency:
    """Sending a creating request again makes one thing and gives one answer."""

    @pytest.fixture
    def key(self) -> dict[str, str]:
        return {"idempotency-key": f"intention-{uuid4()}"}

    async def test_the_same_answer_again(self, owner: Client, key: dict[str, str]) -> None:
        """Body, status, tag and place; and the header that says so."""
        first = await owner.post("/v1/assistants", PRESET, headers=key)
        again = await owner.post("/v1/assistants", PRESET, headers=key)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        for name in ("etag", "location", "content-type"):
            assert first.headers[name] == again.headers[name]
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"
        assert len((await owner.get("/v1/assistants")).json()["items"]) == 1

    async def test_the_same_body_is_what_json_means(self, owner: Client, key: dict[str, str]) -> None:
        """Spaces and the order of fields are no difference."""
        headers = {**key, "content-type": "application/json"}
        first = await owner.http.post(
            "/v1/invitations", content=b'{"email": "x@example.com", "role": "viewer"}', headers=headers
        )
        again = await owner.http.post(
            "/v1/invitations", content=b'{"role":"viewer","email":"x@example.com"}', headers=headers
        )
        assert first.json() == again.json()

    async def test_a_secret_is_shown_again_to_who_may(self, owner: Client, key: dict[str, str]) -> None:
        """The answer that was lost held a key that is shown once: it is the same key, and it works."""
        body = {"name": "website", "scopes": ["assistants:read"]}
        first, again = [await owner.made("/v1/api-keys", body, headers=key) for _ in range(2)]
        assert first["key"] == again["key"]

    @pytest.mark.parametrize("other", ["body", "path"])
    async def test_another_request(self, owner: Client, key: dict[str, str], other: str) -> None:
        """409: it would be answered with what somebody did not ask for."""
        made = await owner.made("/v1/assistants", PRESET, headers=key)
        path = "/v1/assistants" if other == "body" else f"/v1/assistants/{made['assistant_id']}/duplicate"
        answer = await owner.post(path, {"name": "another", **(PRESET if other == "body" else {})}, headers=key)
        assert (answer.status_code, code_of(answer)) == (409, "idempotency_key_reused")

    async def test_while_the_first_still_runs(self, owner: Client, key: dict[str, str]) -> None:
        """409 with the time to wait; many at once make one."""
        answers = await asyncio.gather(*(owner.post("/v1/assistants", PRESET, headers=key) for _ in range(6)))
        made = [answer for answer in answers if answer.status_code == 201]
        waiting = [answer for answer in answers if answer.status_code == 409]
        assert made
        assert len(made) + len(waiting) == len(answers)
        assert {code_of(answer) for answer in waiting} <= {"idempotency_in_progress"}
        assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in waiting)
        assert len({answer.json()["assistant_id"] for answer in made}) == 1
        assert len((await owner.get("/v1/assistants")).json()["items"]) == 1

    def claimed(self, plane: ControlPlane, owner: Client, key: dict[str, str]) -> None:
        """As by a process that died before it could say what became of it: the row of a finished request, unfinished."""
        plane.database.select(
            "update idempotency_keys set status = null, sealed_answer = null,"
            " claimed_until = now() + interval '60 seconds' where tenant_id = %s and key = %s returning key",
            owner.tenant_id,
            key["idempotency-key"],
        )

    def lapse(self, plane: ControlPlane, owner: Client, key: dict[str, str]) -> None:
        plane.database.select(
            "update idempotency_keys set claimed_until = now() - interval '1 second'"
            " where tenant_id = %s and key = %s returning key",
            owner.tenant_id,
            key["idempotency-key"],
        )

    @pytest.mark.parametrize(
        ("path", "body", "row_id"),
        [
            ("/v1/assistants", PRESET, "assistant_id"),
            ("/v1/invitations", {"email": "x@example.com"}, "invitation_id"),
            ("/v1/api-keys", {"name": "k", "scopes": ["calls:read"]}, "key_id"),
            ("/v1/tenants", {"name": "Second"}, "tenant_id"),
        ],
    )
    async def test_a_process_that_died_after_the_work(
        self, plane: ControlPlane, owner: Client, key: dict[str, str], path: str, body: dict[str, Any], row_id: str
    ) -> None:
        """While its claim stands one is told to wait; then the same request finds the row that was made, and no second one."""
        first = await owner.made(path, body, headers=key)
        self.claimed(plane, owner, key)
        waiting = await owner.post(path, body, headers=key)
        assert (waiting.status_code, code_of(waiting)) == (409, "idempotency_in_progress")
        assert 1 <= int(waiting.headers["retry-after"]) <= 60
        self.lapse(plane, owner, key)
        again = await owner.made(path, body, headers=key)
        assert again[row_id] == first[row_id]
        replayed = await owner.post(path, body, headers=key)
        assert replayed.headers["idempotency-replayed"] == "true"
        assert replayed.json() == again

    async def test_a_secret_after_a_crash_is_the_one_that_works(
        self, plane: ControlPlane, owner: Client, key: dict[str, str]
    ) -> None:
        """Nobody ever saw the first text: the second is the key."""
        body = {"name": "k", "scopes": ["assistants:read"]}
        first = await owner.made("/v1/api-keys", body, headers=key)
        self.claimed(plane, owner, key)
        self.lapse(plane, owner, key)
        again = await owner.made("/v1/api-keys", body, headers=key)
        worn, good = await plane.client(first["key"]), await plane.client(again["key"])
        assert (await good.get("/v1/assistants")).status_code == 200
        assert (await worn.get("/v1/assistants")).status_code == 401

    async def test_what_failed_may_be_tried_again(self, owner: Client, key: dict[str, str]) -> None:
        """A refused request keeps nothing: with the mistake put right the same key works."""
        refused = await owner.post("/v1/assistants", {"name": "neither preset nor config"}, headers=key)
        assert refused.status_code == 422
        assert (await owner.post("/v1/assistants", PRESET, headers=key)).status_code == 201

    async def test_an_answer_that_can_not_be_opened_any_more(
        self, plane: ControlPlane, owner: Client, key: dict[str, str]
    ) -> None:
        """Its sealing key has left the ring: told in words, and nothing is made twice."""
        await owner.made("/v1/assistants", PRESET, headers=key)
        plane.database.select(
            "update idempotency_keys set sealed_answer = 'v1:gAAAAAnothers' where tenant_id = %s returning key",
            owner.tenant_id,
        )
        again = await owner.post("/v1/assistants", PRESET, headers=key)
        assert (again.status_code, code_of(again)) == (409, "idempotency_key_reused")
        assert len((await owner.get("/v1/assistants")).json()["items"]) == 1

    async def test_a_day_later_it_is_a_new_key(self, plane: ControlPlane, owner: Client, key: dict[str, str]) -> None:
        """Answers are kept for 24 hours, and the row that was made stays one."""
        first = await owner.made("/v1/assistants", PRESET, headers=key)
        plane.database.select(
            "update idempotency_keys set created_at = now() - interval '25 hours' where tenant_id = %s returning key",
            owner.tenant_id,
        )
        later = await owner.post("/v1/assistants", PRESET, headers=key)
        assert "idempotency-replayed" not in later.headers
        assert later.json()["assistant_id"] == first["assistant_id"]

    @pytest.mark.parametrize("text", ["", "x" * 256])
    async def test_what_is_no_key(self, owner: Client, text: str) -> None:
        answer = await owner.post("/v1/assistants", PRESET, headers={"idempotency-key": text})
        assert (answer.status_code, code_of(answer)) == (422, "invalid_request")

    async def test_any_text_is_a_key(self, owner: Client) -> None:
        """Quotes, spaces and letters that HTTP sends as they are."""
        for text in ('"8e03978e"', "a b", "clé-é", "x" * 255, "%00", "';--"):
            headers = {"idempotency-key": text.encode("latin-1")}
            answers = [await owner.post("/v1/invitations", {"email": "x@example.com"}, headers=headers) for _ in (1, 2)]  # type: ignore[arg-type]
            assert {answer.status_code for answer in answers} == {201}
            assert answers[0].content == answers[1].content

    async def test_a_first_tenant_needs_none_before(
        self, plane: ControlPlane, owner: Client, key: dict[str, str]
    ) -> None:
        """Who has left every tenant may still make one, with a key as without."""
        heir = await plane.member(owner, "owner")
        assert (await owner.http.delete(f"/v1/members/{owner.subject}")).status_code == 204
        answers = [await owner.post("/v1/tenants", {"name": "A new beginning"}, headers=key) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
        assert answers[0].json()["tenant_id"] == answers[1].json()["tenant_id"]
        assert heir.tenant_id == owner.tenant_id


class TestRates:
    async def test_what_is_left_is_told(self, plane: ControlPlane) -> None:
        """By the limit that counted last, in the words of the draft standard; and when it is past, how long to wait."""
        async with reconfigured(plane, ava_rate_limit_per_principal="3/hour") as deployed:
            owner = await deployed.owner()  # this asked once
            answers = [await owner.get("/v1/tenant") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert [answer.headers["ratelimit"].split(";")[:2] for answer in answers] == [
            ['"principal"', "r=1"], ['"principal"', "r=0"], ['"principal"', "r=0"],
        ]  # fmt: skip
        assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"principal";q=3;w=3600'}
        assert code_of(answers[-1]) == "rate_limited"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 3600

    async def test_by_address_whoever_asks(self, plane: ControlPlane) -> None:
        """Without sign-in too, and for what is not there; another address is not touched. Health is never limited."""
        async with reconfigured(plane, ava_rate_limit_per_address="3/hour") as deployed:
            mine, other = [
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(deployed.app, client=(ip, 1)), base_url="http://api.test"
                )
                for ip in ("192.0.2.1", "192.0.2.2")
            ]
            async with mine, other:
                statuses = [(await mine.get("/v1/nothing")).status_code for _ in range(4)]
                assert statuses == [404, 404, 404, 429]
                assert (await other.get("/v1/nothing")).status_code == 404
                assert [(await mine.get(path)).status_code for path in ("/livez", "/readyz", "/metrics")] == [200] * 3

    async def test_each_principal_has_their_own(self, plane: ControlPlane) -> None:
        async with reconfigured(plane, ava_rate_limit_per_principal="2/hour") as deployed:
            first, second = await deployed.owner(), await deployed.owner()
            assert [(await first.get("/v1/tenant")).status_code for _ in range(2)] == [200, 429]
            assert (await second.get("/v1/tenant")).status_code == 200


class TestHealth:
    async def test_ready_with_each_dependency(self, plane: ControlPlane) -> None:
        async with reconfigured(plane) as deployed:
            http = await deployed.client(None)
            assert (await http.get("/livez")).json() == {"status": "alive"}
            answer = await http.get("/readyz")
            assert (answer.status_code, answer.json()["status"]) == (200, "ready")
            [database] = [d for d in answer.json()["dependencies"] if d["name"] == "database"]
            assert (database["required"], database["state"]) == (True, "ok")
            assert 0 <= database["checked_seconds_ago"] < 60

    async def test_the_database_is_down(self, plane: ControlPlane) -> None:
        """Not ready, with its state and since when; alive all the same; and ready again once it is back."""
        async with reconfigured(plane) as deployed:
            http = await deployed.client(None)
            health: HealthService = deployed.app.state.provided[HealthService]
            now = [1000.0]
            health.clock = lambda: now[0]
            assert (await http.get("/readyz")).status_code == 200
            plane.database.stop_postgrest()
            try:
                now[0] += 30
                down = await http.get("/readyz")
                assert (await http.get("/livez")).status_code == 200
            finally:
                plane.database.start_postgrest()
            assert (down.status_code, down.json()["status"]) == (503, "not_ready")
            [database] = [d for d in down.json()["dependencies"] if d["name"] == "database"]
            assert (database["state"], database["checked_seconds_ago"]) == ("unavailable", 0.0)
            assert database["ok_seconds_ago"] == 30.0
            assert database["detail"]
            now[0] += 30
            assert (await http.get("/readyz")).status_code == 200

    async def test_draining(self, plane: ControlPlane) -> None:
        """Not ready from the moment it is told to stop; what comes is still answered."""
        async with reconfigured(plane) as deployed:
            owner = await deployed.owner()
            health: HealthService = deployed.app.state.provided[HealthService]
            health.drain()
            answer = await owner.get("/readyz")
            assert (answer.status_code, answer.json()["status"]) == (503, "draining")
            assert (await owner.get("/v1/tenant")).status_code == 200


class TestMetrics:
    async def test_requests_by_operation(self, plane: ControlPlane) -> None:
        async with reconfigured(plane) as deployed:
            owner = await deployed.owner()
            await owner.get(f"/v1/assistants/{uuid4()}")
            answer = await owner.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        counted = 'ava_api_request_seconds_count{method="GET",operation="get_assistant",status="4xx"} 1.0'
        assert counted in answer.text
        assert str(owner.tenant_id) not in answer.text
        assert owner.subject not in answer.text

    async def test_nobody_makes_figures_without_end(self, plane: ControlPlane) -> None:
        """Methods and addresses that anybody can invent add no series."""
        async with reconfigured(plane) as deployed:
            http = await deployed.client(None)
            for _ in range(3):
                await http.request(f"X{uuid4().hex}", "/v1/me")
                await http.get(f"/{uuid4().hex}")
            metrics: Metrics = deployed.app.state.provided[Metrics]
            series = re.findall(
                r'ava_api_request_seconds_count\{method="(\w+)",operation="([^"]+)"', metrics.text().decode()
            )
        assert set(series) == {("other", "get_me"), ("GET", "-")}


class TestLogs:
    async def test_one_line_per_request_that_names_nobody(self, owner: Client, logged: Callable[[], str]) -> None:
        """Request id, route, status, time and tenant; no path with ids, no query, no subject."""
        answer = await owner.get(f"/v1/calls/{uuid4()}", params={"note": "+33612345678"})
        lines = [json.loads(line) for line in logged().splitlines() if line.startswith("{")]
        [line] = [line for line in lines if line.get("request_id") == answer.headers["x-request-id"]]
        assert (line["event"], line["method"], line["status"]) == ("request", "GET", 404)
        assert line["route"] == "/v1/calls/{call_id}"
        assert line["tenant"] == str(owner.tenant_id)
        assert "+33612345678" not in str(line)
        assert owner.subject not in str(line)

    async def test_what_broke_is_told_without_what_it_was_about(
        self, plane: ControlPlane, logged: Callable[[], str]
    ) -> None:
        """500 as a problem under the request's id; the log has where it broke, and no word of a value."""

        async def broken() -> Response:
            secret = "+33612345678"
            raise RuntimeError(f"could not ring {secret}")

        async with reconfigured(plane) as deployed:
            deployed.app.add_api_route("/broken", broken, methods=["GET"])
            http = await deployed.client(None)
            answer = await http.get("/broken")
        assert (answer.status_code, code_of(answer)) == (500, "unexpected")
        said = logged()
        assert answer.headers["x-request-id"] in said
        assert "in broken" in said
        assert "RuntimeError" in said
        assert "+33612345678" not in said + answer.text
