(globalThis.posternRules ??= new Set()).add("paste-org");
