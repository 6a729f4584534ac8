(globalThis.posternRules ??= new Set()).add("print");
