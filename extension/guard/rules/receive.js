(globalThis.posternRules ??= new Set()).add("receive");
