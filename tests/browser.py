"""A real Chromium for tests: it reaches this machine only and writes down everything that went wrong."""

import shutil
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright, expect

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
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
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
    """An empty tab of a new profile; requests to any host but `origin` are written down.

    They are not intercepted: with that the browser would keep no file, and compile each script anew at each load.

    `trusts_all`: whatever certificate the host shows. `also`: more origins that may be asked.
    """
    complaints = Complaints()
    allowed = (*(f"{one}/" for one in (origin, *also)), *ITS_OWN)
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        ignore_https_errors=trusts_all,
    )

    def on_request(request: Request) -> None:
        if not request.url.removeprefix("blob:").startswith(allowed):
            complaints.foreign_requests.append(request.url)

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.console_errors.append(f"{message.text} ({message.location.get('url')})")

    context.on("request", on_request)
    await context.add_init_script(REPORT_VIOLATIONS)
    page = await context.new_page()
    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.page_errors.append(str(error)))
    try:
        yield page, complaints
    finally:
        await context.close()
