from typing import Any

from django import template

from ..context import MEMBERS, Maintenance

register = template.Library()


@register.simple_tag(takes_context=True)
def maintenance(context: Any) -> Maintenance:
    """``{% maintenance as m %}{% if m.announced %}…{% endif %}``"""
    return Maintenance(MEMBERS[-1] if MEMBERS else None, context.get("request"))
