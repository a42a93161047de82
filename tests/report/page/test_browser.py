"""The page in a browser without a network: everything is drawn, and answers to the pointer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiida.orm import WorkChainNode
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from aiida_anhcsp.report.page import write_page

from ...requirements import need

PATIENCE = 120
FLAGS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader")
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"
WIDE, NARROW = (1300, 900), (390, 844)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    need(program is not None and driver is not None, "Chromium", "chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(program)
    for flag in (*FLAGS, OFFLINE):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chromium = webdriver.Chrome(options=options, service=Service(driver))
    yield chromium
    chromium.quit()


@pytest.fixture
def opened(browser: Any, whole: WorkChainNode, tmp_path: Path) -> Callable[[tuple[int, int]], Any]:
    """The page of the whole path in a window of this size, once it is drawn."""
    page = write_page(whole, tmp_path / "page.html")

    def open_page(size: tuple[int, int]) -> Any:
        browser.set_window_size(*size)
        browser.get(page.as_uri())
        WebDriverWait(browser, PATIENCE).until(lambda b: b.find_elements(By.CSS_SELECTOR, "[data-ready=yes]"))
        return browser

    return open_page


def test_every_panel_is_drawn_answers_to_the_pointer_and_complains_of_nothing(opened: Callable) -> None:
    page = opened(WIDE)
    plots = page.find_elements(By.CSS_SELECTOR, ".plot")
    assert len(plots) == 9  # enthalpy, three errors, ranking at two temperatures, phases, parity, dispersions
    for plot in plots:
        assert plot.find_elements(By.CSS_SELECTOR, ".scatterlayer .trace path, .scatterlayer .trace .point")
    point = plots[0].find_element(By.CSS_SELECTOR, ".scatterlayer .trace .point")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", plots[0])
    ActionChains(page).move_to_element(point).perform()
    hover = WebDriverWait(page, PATIENCE).until(lambda b: plots[0].find_elements(By.CSS_SELECTOR, ".hovertext"))
    assert "g000-0000" in hover[0].text
    assert [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"] == []
    assert page.find_element(By.ID, "trouble").text == ""


def test_choosing_a_point_of_the_map_shows_another_crystal(opened: Callable) -> None:
    page = opened(WIDE)
    structure = page.find_element(By.ID, "chemiscope-structure")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", structure)
    time.sleep(1)
    before = structure.screenshot_as_png
    ActionChains(page).drag_and_drop_by_offset(structure, 80, 40).perform()
    WebDriverWait(page, PATIENCE).until(lambda b: structure.screenshot_as_png != before)


def test_a_narrow_screen_needs_no_sideways_scrolling(opened: Callable) -> None:
    page = opened(NARROW)
    width, window = page.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= window
