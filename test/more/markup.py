"""Automatic checks of a page: valid tags, and readable colours."""

from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "br", "hr", "wbr"}


class Markup(HTMLParser):
    """Collects the faults in a page's tags: tags that are not closed, repeated ids, pictures and inputs without a
    name."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.faults, self.labels = [], set(), [], 0
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self.open]
        if not text.startswith('<!DOCTYPE html>\n<html lang="en">'):
            self.faults.append("no doctype and language")

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if attributes.get("id") in self.ids:
            self.faults.append(f"id {attributes['id']!r} is given twice")
        self.ids |= {attributes["id"]} if "id" in attributes else set()
        if tag == "img" and "alt" not in attributes:
            self.faults.append("a picture without alt")
        named = "label" in self.open or "aria-label" in attributes or attributes.get("type") in ("hidden", "submit")
        if tag in ("input", "select", "textarea") and not named:
            self.faults.append(f"a field without a label: {attributes}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.faults.append(f"<{tag}/> is not HTML")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")


# JavaScript that returns the texts with too little contrast to their background: WCAG 2.2, 1.4.3 requires 4.5.
LOW_CONTRAST = """(() => {
  const rgb = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
  const ground = it => {
    for (; it; it = it.parentElement) {
      const color = rgb(getComputedStyle(it).backgroundColor);
      if ((color[3] ?? 1) > .99) return color;
    }
    return rgb(getComputedStyle(document.documentElement).backgroundColor);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), low = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const it = node.parentElement;
    if (!node.data.trim() || !it.checkVisibility() || it.closest(":disabled, option, script, style")) continue;
    const [dark, bright] = [light(rgb(getComputedStyle(it).color)), light(ground(it))].sort((x, y) => x - y);
    const ratio = (bright + .05) / (dark + .05);
    if (ratio < 4.5) low.push(`${node.data.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return low;
})()"""
