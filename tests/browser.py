"""A real Chromium for tests: it reaches one host only and writes down everything that went wrong."""

import shutil
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Route, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH: install the package chromium")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-gpu-rasterization",  # Debian enables it; without a GPU the processor does its work, and dearly
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

ITS_OWN = ("chrome://", "chrome-extension://")
"""What Chromium shows a PDF with."""

REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI, sourceFile, lineNumber }) =>
  console.error(`CSP ${effectiveDirective} blocked ${blockedURI} at ${sourceFile}:${lineNumber}`))
"""


@dataclass
class Complaints:
    """What a page must not do; every list stays empty for a good one."""

    foreign_requests: list[str] = field(default_factory=list)
    console_errors: list[str] = field(default_factory=list)
    page_errors: list[str] = field(default_factory=list)


@asynccontextmanager
async def open_chromium() -> AsyncIterator[Browser]:
    """A headless Chromium with an empty profile; what is expected of its pages has time on busy machines, too."""
    expect.set_options(timeout=40_000)  # milliseconds
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def open_page(
    browser: Browser,
    origin: str,
    *,
    dark: bool = False,
    width: int = 1360,
    height: int = 860,
    trusts_all: bool = False,
    also: Collection[str] = (),
) -> AsyncIterator[tuple[Page, Complaints]]:
    """An empty tab of a new profile, in which requests to any host but `origin` are blocked and written down.

    `trusts_all`: whatever certificate the host shows. `also`: more origins that may be asked.
    """
    complaints = Complaints()
    allowed = (*(f"{one}/" for one in (origin, *also)), *ITS_OWN)
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        ignore_https_errors=trusts_all,
    )

    async def gate(route: Route) -> None:
        if route.request.url.startswith(allowed):
            await route.continue_()
        else:
            complaints.foreign_requests.append(route.request.url)
            await route.abort()

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.console_errors.append(f"{message.text} ({message.location.get('url')})")

    await context.route("**/*", gate)
    await context.add_init_script(REPORT_VIOLATIONS)
    page = await context.new_page()
    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.page_errors.append(str(error)))
    try:
        yield page, complaints
    finally:
        await context.close()
