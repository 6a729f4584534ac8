(globalThis.posternRules ??= new Set()).add("cover");
