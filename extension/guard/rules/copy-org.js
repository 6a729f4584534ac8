(globalThis.posternRules ??= new Set()).add("copy-org");
