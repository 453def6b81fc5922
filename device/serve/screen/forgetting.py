"""The page forgets the names of elements that are gone: a page that is used for days must not grow.

Vue keeps a component's references by name, and sets to null, but keeps, those of what was removed. The
framework gives every element that was ever drawn a name of its own, so that each scan would leave some eighty
behind for as long as the page is open.
"""

from __future__ import annotations

FORGET_S = 5.0

SCRIPT = f"""
setInterval(() => {{
  const refs = document.getElementById('app')?._vnode?.component?.refs;
  if (!refs) return;
  for (const name of Object.keys(refs)) if (refs[name] === null) delete refs[name];
}}, {FORGET_S * 1e3:.0f});
"""
"""Of the page's head; does nothing where the framework keeps its references elsewhere."""
