"""In a browser: signing in, what a role that may not sees, and a stolen cookie after its owner signed out."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from .scene import PASSWORD, Scene


def test_somebody_signs_in_sees_what_they_may_and_leaves_a_thief_with_nothing(
    empty_scene: Scene, browser: Browser
) -> None:
    scene = empty_scene
    context = scene.context(browser, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto("/tokens")
    expect(page).to_have_url(f"{scene.url}/sign-in?to=%2Ftokens")
    _entered(page, "a wrong password")
    expect(page.get_by_role("alert")).to_contain_text("The name or the password is not right.")
    expect(page.get_by_label("Name")).to_have_value("vera")
    _entered(page, PASSWORD)
    expect(page).to_have_url(f"{scene.url}/tokens")

    side = page.get_by_role("navigation", name="Main")
    expect(side.get_by_role("link", name="Tokens")).to_be_visible()
    for way in ("Users", "Set-up"):
        expect(side.get_by_role("link", name=way)).to_have_count(0)
    answer = page.goto("/users")
    assert answer is not None
    assert answer.status == 403
    expect(page.get_by_role("main")).to_contain_text("takes the right to users")

    thief = scene.context(browser)
    thief.add_cookies(context.cookies())
    stolen = thief.new_page()
    stolen.goto("/me")
    expect(stolen.get_by_role("heading", name="Your settings")).to_be_visible()
    page.goto("/me")
    page.locator(".side .person summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page).to_have_url(f"{scene.url}/sign-in")
    expect(page.get_by_role("main")).to_contain_text("You are signed out.")
    stolen.goto("/me")
    expect(stolen).to_have_url(f"{scene.url}/sign-in?to=%2Fme")
    thief.close()
    context.close()


def test_an_administrator_takes_a_right_away_while_it_is_used(empty_scene: Scene, browser: Browser) -> None:
    scene = empty_scene
    boss, other = scene.context(browser, "adam"), scene.context(browser, "otto")
    page, theirs = boss.new_page(), other.new_page()
    theirs.goto("/me")
    page.goto("/users")
    page.get_by_role("link", name="otto").click()
    page.get_by_label("Viewer").check()
    page.get_by_role("button", name="Change the role").click()
    expect(page.get_by_role("main")).to_contain_text("otto is viewer now")
    theirs.reload()
    expect(theirs).to_have_url(f"{scene.url}/sign-in?to=%2Fme")
    page.get_by_role("button", name="Disable").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(page.get_by_role("main")).to_contain_text("otto may not sign in any more")
    page.get_by_role("button", name="Let sign in again").click()
    page.get_by_role("button", name="Make a sign-in link").click()
    link = page.locator("pre").inner_text()
    theirs.goto(link)
    theirs.get_by_role("button", name="Sign in").click()
    expect(theirs).to_have_url(f"{scene.url}/")
    theirs.goto(link)
    theirs.get_by_role("button", name="Sign in").click()
    expect(theirs.get_by_role("main")).to_contain_text("used already")
    boss.close()
    other.close()


def _entered(page: Page, password: str) -> None:
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
