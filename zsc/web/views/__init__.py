"""How games are drawn in a browser: what a page is sent, and the script that draws it.

A game without a view of its own has the plain one: its observation in numbers, and a button for
each action. `register_view` adds others; so does an entry point of the group "zsc.register_view".
"""

from zsc.web.views.base import PAGES, VIEWS, View, register_view, script_of, view_of

__all__ = ["PAGES", "VIEWS", "View", "register_view", "script_of", "view_of"]
