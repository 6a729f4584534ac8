(globalThis.posternRules ??= new Set()).add("warn");
