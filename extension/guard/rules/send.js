(globalThis.posternRules ??= new Set()).add("send");
