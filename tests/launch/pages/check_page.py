"""Fails unless a page is well-formed, loads nothing, runs nothing, and has each id once and each reference's target."""

import re
import sys
import xml.etree.ElementTree as xml

page = open(sys.argv[1], encoding="utf-8").read()
faults = []
ids, targets = [], set()
for element in xml.fromstring(page).iter():
    tag = element.tag.split("}")[-1]
    if tag in ("script", "img", "iframe", "object", "embed", "foreignObject", "image", "base", "form"):
        faults.append(f"a <{tag}>")
    for name, value in element.attrib.items():
        name = name.split("}")[-1]
        if name == "id":
            ids.append(value)
        elif name in ("href", "src"):
            if value.startswith("#"):
                targets.add(value[1:])
            elif value != "data:,":
                faults.append(f"{tag} refers to {value}")
        elif name.startswith("on"):
            faults.append(f"{tag} has {name}")
        targets.update(re.findall(r"url\(#([^)]*)\)", value))
        if re.search(r"url\((?!#)", value):
            faults.append(f"{tag} loads {value}")
faults += [f"id {i} is there twice" for i in sorted(set(ids)) if ids.count(i) > 1]
faults += [f"nothing has the id {t}" for t in sorted(targets - set(ids))]
faults += re.findall(r"@import[^;]*", page)
print("\n".join(faults))
sys.exit(len(faults) > 0)
