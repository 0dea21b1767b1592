"""The pages in a real browser, which runs a script of ours for passkeys alone: a password, a second factor, a role, and out
again."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from aiohttp.test_utils import unused_port
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service as Driver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions
from selenium.webdriver.support.ui import WebDriverWait

from ...authenticator import ENABLED, begun
from ...databases import fresh
from ...phone import enrolled
from ...service import ACCOUNT, Service, served
from .provider import corporation, employed, offers, trusts
from .test_roles import role, session, trust
from .test_sign_in import ALICE, PASSWORD

T = TypeVar("T")
NO_BROWSER = "needs chromium and chromedriver, of Debian's packages chromium and chromium-driver, on this machine"
PHONE, DESK = (390, 844), (1280, 800)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chrome]:
    """One for the module. Where IAMGRAPH_TEST_SCREENSHOTS names a folder, each page is left there as a picture."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        if os.environ.get("IAMGRAPH_TEST_NO_SKIPS") == "1":
            pytest.fail(NO_BROWSER)
        pytest.skip(NO_BROWSER)
    options = ChromeOptions()
    options.binary_location = program
    # It is only ever shown pages of ours, and root can't have Chromium's sandbox.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = Chrome(options=options, service=Driver(driver))
    try:
        yield started
    finally:
        started.quit()


class Person:
    """Sits in front of the browser."""

    def __init__(self, chromium: Chrome, origin: str) -> None:
        self._chromium, self._origin = chromium, origin
        self._seen = 0
        chromium.delete_all_cookies()

    def goes(self, path: str) -> None:
        self._chromium.get(self._origin + path)

    def types(self, name: str, text: str) -> None:
        field = self._chromium.find_element(By.NAME, name)
        field.clear()
        field.send_keys(text)

    def has_the_cursor_in(self) -> str | None:
        return self._chromium.switch_to.active_element.get_attribute("name")

    def presses(self, button: str) -> None:
        """A button, or a link that looks like one, by what is written on it."""
        page = self._chromium.find_element(By.TAG_NAME, "html")
        self._chromium.find_element(By.XPATH, f"//*[self::button or self::a][normalize-space()='{button}']").click()
        WebDriverWait(self._chromium, 10).until(lambda _: _is_gone(page))

    def enters(self) -> None:
        page = self._chromium.find_element(By.TAG_NAME, "html")
        self._chromium.switch_to.active_element.send_keys(Keys.ENTER)
        WebDriverWait(self._chromium, 10).until(lambda _: _is_gone(page))

    def chooses(self, value: str) -> None:
        self._chromium.find_element(By.CSS_SELECTOR, f"input[value='{value}']").click()

    def reads(self, selector: str) -> str:
        return str(self._chromium.find_element(By.CSS_SELECTOR, selector).text)

    def sees(self, title: str) -> None:
        """A page with the title, that fits a phone and a desk, and that its own policy lets be."""
        assert self.reads("h1") == title, self.reads("body")
        self._seen += 1
        for width, height in (PHONE, DESK):
            self._chromium.set_window_size(width, height)
            self._chromium.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
            )
            wide = self._chromium.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width, (title, wide)
            if folder := os.environ.get("IAMGRAPH_TEST_SCREENSHOTS"):
                name = f"{self._seen:02}-{title.lower().replace(' ', '-')}-{width}.png"
                self._chromium.save_screenshot(str(Path(folder) / name))
        assert (
            self._chromium.execute_script("return getComputedStyle(document.querySelector('main')).borderRadius")
            != "0px"
        )
        said = [entry for entry in self._chromium.get_log("browser") if "Content Security Policy" in entry["message"]]
        assert said == []


def _is_gone(page: object) -> bool:
    from selenium.common.exceptions import StaleElementReferenceException

    try:
        page.is_enabled()  # type: ignore[attr-defined]
    except StaleElementReferenceException:
        return True
    return False


async def beside(work: Callable[[], T]) -> T:
    """Done in a thread: the server runs in this one."""
    return await asyncio.to_thread(work)


async def test_a_person_signs_in_takes_on_a_role_and_signs_out(service: Service, chromium: Chrome) -> None:
    await service.user("alice")
    for name in ("ops", "audit"):
        await service.good("createRole", {"roleName": name, "assumeRolePolicyDocument": trust(ALICE)})
    phone = await enrolled(service, "alice")
    person = Person(chromium, service.url.removesuffix("/graphql"))

    def signs_in() -> None:
        person.goes(f"/signin/{ACCOUNT}?next=/sso/roles")
        person.sees("Sign in")
        assert person.has_the_cursor_in() == "name"
        person.types("name", "alice")
        person.types("password", "not-her-Passw0rd")
        person.presses("Sign in")
        person.sees("Sign in")
        assert person.reads("[role=alert]").startswith("The account, the name,")
        assert person.has_the_cursor_in() == "password"
        person.types("password", PASSWORD)
        person.enters()
        person.sees("One more step")
        assert person.has_the_cursor_in() == "code"
        person.types("code", phone.code())
        person.enters()

    def takes_on_a_role() -> None:
        person.sees("Take on a role")
        person.chooses(role("ops"))
        person.presses("Act as this role here")
        person.sees("You act as a role")
        assert session("ops") in person.reads("dl")
        person.presses("Go back to yourself")
        person.sees("You are signed in")
        assert ALICE in person.reads("dl")
        person.presses("Take on a role")
        person.presses("Show credentials for programs")
        person.sees("Temporary credentials")
        assert "export AWS_ACCESS_KEY_ID=ASIA" in chromium.find_element(By.TAG_NAME, "textarea").get_attribute("value")

    def signs_out() -> None:
        person.goes("/sso/session")
        person.presses("Sign out")
        person.sees("You are signed out")
        assert chromium.get_cookies() == [] or {one["name"] for one in chromium.get_cookies()} == {
            "iam-form-development"
        }
        person.goes("/sso/session")
        person.sees("Sign in")

    def is_root() -> None:
        person.presses("Sign in as root")
        person.sees("Sign in as root")

    for part in (signs_in, takes_on_a_role, signs_out, is_root):
        await beside(part)


async def test_a_person_changes_a_password(service: Service, chromium: Chrome) -> None:
    await service.user("alice")
    await service.good("updateLoginProfile", {"userName": "alice", "passwordResetRequired": True})
    person = Person(chromium, service.url.removesuffix("/graphql"))

    def changes() -> None:
        person.goes(f"/signin/{ACCOUNT}")
        person.types("name", "alice")
        person.types("password", PASSWORD)
        person.enters()
        person.sees("Choose a new password")
        person.types("new_password", "a-New-Passw0rd!")
        person.types("new_password_again", "a-New-Passw0rd!")
        person.enters()
        person.sees("You are signed in")

    await beside(changes)


async def test_a_person_signs_in_with_a_provider(service: Service, chromium: Chrome) -> None:
    """With a Lax cookie, there and back; and out of both."""
    origin = service.url.removesuffix("/graphql")
    service.kernel.tools = replace(service.kernel.tools, public_url=origin)
    async with corporation() as corp:
        await employed(service, corp)
        for name in ("dev", "ops"):
            await service.good("createRole", {"roleName": name, "assumeRolePolicyDocument": trusts(corp)})
        await offers(service, corp, {"roles": [role("dev"), role("ops")]})
        person = Person(chromium, origin)

        def signs_in_and_out() -> None:
            person.goes(f"/sso/oidc/{corp.id}/login")
            person.sees("Choose a role")
            person.chooses(role("ops"))
            person.presses("Sign in")
            person.sees("You are signed in")
            assert "assumed-role/ops/Ann-Example" in person.reads("dl")
            person.presses("Sign out")
            person.sees("You are signed out")
            assert person.reads("a.button") == "Sign out there, too"

        def is_nobody() -> None:
            person.goes(f"/sso/oidc/{corp.id}/login")
            person.sees("That did not work")
            assert "there is no role for you" in person.reads("[role=alert]")

        await beside(signs_in_and_out)
        corp.person["sub"] = "u-2"
        await beside(is_nobody)


CREATE = """const [options, done] = arguments;
navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(options)) })
  .then((made) => done(JSON.stringify(made.toJSON())), (error) => done(String(error)));"""


async def test_a_person_registers_a_passkey_and_signs_in_with_it(tmp_path: Path, chromium: Chrome) -> None:
    """Chromium's own authenticator: neither that nor the browser's half of Web Authentication is of our making."""
    port = unused_port()
    async with fresh("sqlite", tmp_path) as url, served(url, tmp_path, port=port) as service:
        await service.user("alice")
        person = Person(chromium, f"http://localhost:{port}")
        options = VirtualAuthenticatorOptions(
            has_resident_key=True, has_user_verification=True, is_user_verified=True, transport="internal"
        )
        await beside(lambda: chromium.add_virtual_authenticator(options))
        try:
            creation = await begun(service, "alice")

            def makes() -> str:
                person.goes("/signin")
                return str(chromium.execute_async_script(CREATE, creation))

            input = {"userName": "alice", "passkeyName": "laptop", "credential": await beside(makes)}
            passkey = (await service.good("enablePasskey", input, ENABLED))["passkey"]
            assert passkey["transports"] == ["internal"]

            def signs_in() -> None:
                person.goes(f"/signin/{ACCOUNT}")
                person.types("name", "alice")
                person.types("password", PASSWORD)
                person.enters()
                person.sees("One more step")
                person.presses("Use a passkey")
                person.sees("You are signed in")
                assert ALICE in person.reads("dl")

            for _ in range(2):
                await beside(signs_in)

            def is_told(person: Person, problem: str) -> None:
                """And stays where it is."""
                person.goes(f"/signin/{ACCOUNT}")
                person.types("name", "alice")
                person.types("password", PASSWORD)
                person.enters()
                chromium.find_element(By.CSS_SELECTOR, "#passkey button").click()
                told = WebDriverWait(chromium, 10).until(lambda _: person.reads("#passkey-problem"))
                assert told == problem

            elsewhere = "Passkeys are for localhost here, and this page has another address. Please open it there."
            await beside(lambda: is_told(Person(chromium, f"http://127.0.0.1:{port}"), elsewhere))

            def in_an_old_browser() -> None:
                without = {"source": "delete PublicKeyCredential.parseRequestOptionsFromJSON"}
                made = chromium.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", without)
                is_told(person, "This browser takes no passkeys on this page: it is too old, or the page is not of https.")
                chromium.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", made)

            await beside(in_an_old_browser)
            await beside(chromium.remove_all_credentials)
            unsigned = "The passkey has not signed. Please try again, with one that is registered here."
            await beside(lambda: is_told(person, unsigned))
        finally:
            await beside(chromium.remove_virtual_authenticator)
