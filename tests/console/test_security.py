"""Who may ask the console, and what its pages may do."""

from urllib.parse import urlencode, urlsplit

import pytest

from tests.console.asking import Asking

FORM = "application/x-www-form-urlencoded"


def test_the_printed_address_exchanges_its_token_for_a_cookie_that_scripts_and_other_sites_do_not_get(asking: Asking):
    answer = asking.ask("GET", asking.url)
    assert answer.status == 303
    assert answer.headers["location"] == "/console/"
    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name.startswith(f"spillway_console_{urlsplit(asking.url).port}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/console/"} <= set(attributes)
    assert asking.url.partition("token=")[2] not in name


@pytest.mark.parametrize("path", ["/", "/pipeline", "/pipeline/now", "/query", "/jobs/1", "/?token=wrong", "/?token="])
def test_without_the_cookie_no_page_answers(asking: Asking, path):
    answer = asking.ask("GET", path)
    assert answer.status == 401
    assert b"stop" not in answer.data


def test_a_wrong_cookie_is_refused(asking: Asking):
    name = asking.log_in().cookie.partition("=")[0]
    assert asking.ask("GET", "/pipeline").status == 200
    asking.cookie = f"{name}=wrong"
    assert asking.ask("GET", "/pipeline").status == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", "a:{port}"]
)
def test_a_host_that_is_not_this_machine_and_port_is_refused(asking: Asking, host):
    asking.log_in()
    port = str(urlsplit(asking.url).port)
    assert asking.ask("GET", "/pipeline", Host=host.replace("{port}", port)).status == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_both_names_of_this_machine_are_taken(asking: Asking, host):
    asking.log_in()
    assert asking.ask("GET", "/pipeline", Host=f"{host}:{urlsplit(asking.url).port}").status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
def test_a_page_of_another_origin_may_not_ask(asking: Asking, origin):
    asking.log_in()
    assert asking.ask("GET", "/pipeline", Origin=origin).status == 403
    body = urlencode({"form_token": asking.form_token, "sql": "SELECT 1"}).encode()
    assert asking.ask("POST", "/query", body, Origin=origin, Content_Type=FORM).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_that_another_site_caused_is_refused(asking: Asking, site):
    asking.log_in()
    assert asking.ask("GET", "/pipeline", Sec_Fetch_Site=site).status == 403
    assert asking.ask("GET", asking.url, Sec_Fetch_Site=site).status == 403


def test_an_action_takes_the_form_token_and_its_own_origin(asking: Asking):
    asking.log_in()
    body = urlencode({"form_token": asking.form_token, "sql": "SELECT 1"}).encode()
    assert asking.ask("POST", "/query", body, Origin=asking.origin, Content_Type=FORM).status == 200
    assert asking.ask("POST", "/query", body, Content_Type=FORM).status == 403
    for wrong in ("", "form_token=", "form_token=wrong", "form_token=%ff%00"):
        without = f"{wrong}&sql=SELECT+1".encode()
        assert asking.ask("POST", "/query", without, Origin=asking.origin, Content_Type=FORM).status == 403
    in_the_address = f"/query?form_token={asking.form_token}"
    assert asking.ask("POST", in_the_address, b"sql=SELECT+1", Origin=asking.origin, Content_Type=FORM).status == 403


def test_no_action_is_a_get(asking: Asking):
    asking.log_in()
    for path in (
        "/dead-letters/replay",
        "/dead-letters/discard",
        "/dead-letters/drain",
        "/shards/apply",
        "/jobs/1/stop",
    ):
        assert asking.ask("GET", path).status in (404, 405), path


@pytest.mark.parametrize("path", ["/pipeline", "/?token=wrong", "/static/console.js", "/missing"])
def test_every_answer_forbids_inline_script_and_framing(asking: Asking, path):
    asking.log_in()
    headers = asking.ask("GET", path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("page", ["/pipeline", "/query", "/audit", "/dead-letters", "/shards", "/events"])
def test_no_page_has_inline_script_style_or_anything_from_elsewhere(asking: Asking, page):
    asking.log_in()
    text = asking.ask("GET", page).data.decode()
    assert "<script>" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert "//" not in text.replace(asking.origin, "").replace("http://www.w3.org", "").partition("<body>")[0]


def test_a_form_over_the_limit_is_refused_and_the_next_request_is_answered(asking: Asking):
    asking.log_in()
    assert asking.post("/query", sql="-- " + "x" * 2 * 1024 * 1024).status == 413
    assert asking.ask("GET", "/pipeline").status == 200


def test_the_events_door_does_not_serve_the_console_to_who_has_no_cookie(asking: Asking):
    assert asking.ask("POST", "/pipeline", b"{}", Content_Type="application/json").status in (401, 403)
