"""Português do Brasil."""

from typing import Final

WORDS: Final = {
    # o documento
    "title": "Selo: {command} em {target}",
    "view": "Este documento é uma visualização. O que vale é o selo: {file}, SHA-256 {digest}.",
    "view.more": (
        "Tudo o que está aqui vem dele, ou de arquivos que ele identifica por digest. Uma"
        " visualização não prova nada sozinha: confira o selo."
    ),
    "view.said": (
        "Os textos registrados durante a execução aparecem como foram gravados, em inglês; só o"
        " desfecho, quando nas palavras do próprio deployctl, está traduzido."
    ),
    "unknown": "não registrado",
    "nothing": "nada",
    "and-more": "e mais {count}",
    # seções
    "section.summary": "Resumo executivo",
    "section.before": "Evidências antes",
    "section.deployed": "O que foi implantado",
    "section.tried": "O que seria implantado",
    "section.compose": "Arquivo Compose",
    "section.after": "Evidências depois",
    "section.checks": "Validações de governança",
    "section.figures": "Métricas",
    "section.reproduce": "Comandos para reproduzir cada validação",
    "section.artefacts": "Artefatos preservados",
    "section.signatures": "Assinaturas",
    "section.status": "Status final",
    "section.timeline": "Linha do tempo",
    "section.gates": "Validações",
    "section.history": "Últimas execuções deste alvo neste host",
    "section.verify": "Como conferir",
    "section.notes": "Avisos durante a execução",
    "section.rollback": "Depois do rollback",
    # como a execução terminou
    "verdict.sealed": "Selado",
    "verdict.unchanged": "Sem alteração",
    "verdict.planned": "Planejado",
    "verdict.untouched": "Falhou antes da troca",
    "verdict.rolled-back": "Rollback concluído",
    "verdict.rollback-failed": "Não revertido ou não comprovado: é preciso intervenção humana",
    "verdict.refused": "Recusado",
    "verdict.inconclusive": "Inconclusivo",
    "verdict.unreachable": "Host inacessível",
    "verdict.seal-failed": "Implantado, mas sem selo",
    "verdict.locked": "Bloqueado por outra implantação",
    "verdict.not-approved": "Não aprovado",
    "verdict.invalid": "Configuração inválida",
    "verdict.interrupted": "Interrompido",
    "verdict.usage": "Uso incorreto",
    "verdict.bug": "Um defeito no deployctl",
    "exit": "código de saída {code}",
    # rótulos
    "label.result": "Resultado",
    "label.reason": "Motivo",
    "label.production": "Produção",
    "label.next": "Próximo passo",
    "label.date": "Data",
    "label.target": "Alvo",
    "label.host": "Host",
    "label.run": "Execução",
    "label.newer": "Versão mais nova",
    "label.operator": "Executado por",
    "label.approved": "Aprovação",
    "label.reviewed": "Revisões, segundo a CI",
    "label.asked": "Pedido",
    "label.commit": "Commit",
    "label.release": "Release",
    "label.before": "Antes",
    "label.image-id": "ID da imagem",
    "label.source": "Digest do código-fonte",
    "label.build": "Build",
    "label.shipped": "Enviado",
    "label.strategy": "Estratégia",
    "label.playbook": "Playbook",
    "label.plan": "Plano",
    "label.changed": "Arquivos alterados",
    "label.drift": "Divergência aceita",
    "label.advisory": "Apenas informativa: {gate}",
    "label.warning": "Aviso",
    "label.engine": "Docker, Compose",
    "label.sealed-at": "Selado em",
    "label.outage": "Indisponibilidade",
    "label.took": "Duração",
    "label.gates-before": "Falhava antes",
    "label.file": "Arquivo",
    "label.sha-before": "SHA-256 antes",
    "label.sha-after": "SHA-256 depois",
    "label.sha-tried": "SHA-256 tentado",
    "label.sha-now": "SHA-256 agora",
    "sha-now.back": "como antes: o arquivo foi restaurado, byte a byte",
    "sha-now.edited": (
        "não é como antes: a imagem foi restaurada; o que outra pessoa editou foi mantido"
    ),
    "sha-now.unshown": "restaurado; se com edição de outra pessoa, não é mostrado aqui",
    "sha-now.unknown": "não se sabe: o que está em execução não foi comprovado",
    "sha-now.untouched": "como antes: o arquivo não foi alterado",
    "label.repair": "Reconstruído",
    "label.signed": "Assinado por",
    "label.unsigned": "Assinatura",
    "label.why": "Motivo",
    "label.approval": "Aprovação assinada",
    "label.validated": "Validação humana",
    "validated.open": "aguardando confirmação",
    "validated.unchecked": "é o que diz o arquivo; ninguém conferiu a assinatura aqui",
    "validated.none": "arquivo inválido",
    "label.previous-seal": "Selo anterior",
    "label.journal-before": "Diário antes",
    "label.journal-after": "Diário depois",
    "label.gates": "Validações",
    "label.rollback": "Rollback",
    # tabelas
    "column.gate": "Validação",
    "column.needs": "Exigido",
    "column.state": "Estado",
    "column.saw": "Observado",
    "column.check": "Regra",
    "column.evidence": "Evidência",
    "column.figure": "Métrica",
    "column.value": "Valor",
    "column.stage": "Etapa",
    "column.began": "Início",
    "column.took": "Duração",
    "column.detail": "Detalhe",
    "column.name": "Arquivo",
    "column.size": "Tamanho",
    "column.sha256": "SHA-256",
    "column.date": "Data",
    "column.run": "Execução",
    "column.revision": "Commit",
    "column.result": "Resultado",
    "column.outage": "Indisponibilidade",
    # quando e como
    "when.before": "antes",
    "when.after": "depois",
    "when.rollback": "depois do rollback",
    "state.pass": "aprovada",
    "state.fail": "reprovada",
    "state.inconclusive": "inconclusiva",
    "state.error": "erro",
    "stage-state.passed": "concluída",
    "stage-state.failed": "falhou",
    "stage-state.skipped": "ignorada",
    "attempts": "{count} consultas",
    "advisory": "apenas informativa",
    "not-asked": "não consultada",
    "gates.of": "{passed} de {count} aprovadas",
    "gates.back": "{passed} de {count} depois do rollback",
    "gates.none.before": "Nenhuma validação foi consultada antes: a execução terminou mais cedo.",
    "gates.none.after": "Nenhuma validação foi consultada depois: nada foi trocado.",
    # respostas brutas
    "raw": "Resposta bruta",
    "raw.about": "{status}, {type}, {size} em {latency}",
    "raw.cut": "Só o começo é mostrado; os {size} estão em {file}.",
    "raw.gone": "Não mostrada: {file} não está aqui tal como foi selado.",
    "raw.empty": "vazia",
    # valores
    "newer": (
        "um deployctl mais novo gravou este resultado (formato {version}): o que este não conhece"
        " não é mostrado"
    ),
    "approved.by": "por {by} ({how}) em {at}",
    "approved.by-only": "por {by}",
    "how.typed": "digitada",
    "how.signed": "assinada",
    "how.ci": "em uma CI",
    "how.--yes": "--yes",
    "how.not required": "não exigida",
    "approved.not": "nenhuma registrada",
    "review-state.approved": "aprovada",
    "review-state.rejected": "rejeitada",
    "reviewed.by": "{state} por {by} para {where}",
    "reviewed.not": "nenhuma",
    "reviewed.unknown": "desconhecidas",
    "build.layers": "{cached} de {count} camadas previstas no cache",
    "build.reused": "o host já tinha a imagem",
    "shipped.text": "{size} (arquivos: {files})",
    "changed.unknown": "o commit em produção não é conhecido aqui",
    "changed.none": "nenhum",
    "repair.text": "{path} estava corrompido e foi reconstruído a partir de {source}",
    # indisponibilidade
    "outage.seen": "{outage} ± {resolution}",
    "outage.least": "pelo menos {outage} ± {resolution}",
    "outage.open": (
        "pelo menos {outage} ± {resolution}, e não havia terminado quando a medição acabou"
    ),
    "outage.blind": "sem medição durante {time}",
    "outage.none": "nenhuma observada, com resolução de {resolution}",
    "outages.one": "{outage} aos {at}",
    "outages.least": "pelo menos {outage} aos {at}",
    "outage.probes": "{failures} de {probes} sondagens falharam",
    "outage.unknown": "{count} sem caminho até o serviço",
    "outage.unmeasured": "não medida",
    "rollback-state.none": "nada a restaurar",
    "rollback-state.proven": "comprovado",
    "rollback-state.failed": "falhou",
    "rollback-state.unproven": "não comprovado",
    "rollback.none": "nenhum",
    "rollback.proven": "comprovado, em {took}",
    "rollback.failed": "falhou",
    "rollback.unproven": "não comprovado",
    # governança
    "check.held": "cumprida",
    "check.broken": "descumprida",
    "check.none": "não se aplica",
    "check.absent": "não",
    "check.unshown": "não demonstrada",
    "check.unchecked": "não conferida aqui",
    "check.fail-closed": "Fail-closed",
    "check.fail-closed.passed": (
        "Validações obrigatórias aprovadas antes da confirmação da release: {count} de {count}."
    ),
    "check.fail-closed.back": (
        "A release não foi aprovada; o que havia antes foi restaurado, com comprovação."
    ),
    "check.fail-closed.untouched": "A execução terminou antes da troca; nada foi alterado.",
    "check.fail-closed.unconfirmed": (
        "Nada foi confirmado por esta execução; ela não altera mais nada."
    ),
    "check.fail-closed.stuck": (
        "O que havia antes não pôde ser restaurado, ou isso não foi comprovado."
    ),
    "check.fail-closed.let-through": (
        "Confirmada embora uma validação obrigatória não tenha sido aprovada."
    ),
    "check.fail-closed.ungated": (
        "Confirmada, e não há registro de validação obrigatória depois da troca."
    ),
    "check.approval": "Aprovação antes da primeira alteração",
    "check.approval.given": "Por {by} ({how}), sobre o digest do plano {digest}.",
    "check.approval.given-only": "Por {by}; sobre qual plano, e quando, não consta aqui.",
    "check.approval.of-what": "Por {by} ({how}); sobre qual plano não consta aqui.",
    "check.approval.other": (
        "Por {by} ({how}), sobre o digest de outro plano, {digest}; foi executado {plan}."
    ),
    "check.approval.late": (
        "Por {by} ({how}), sobre o digest do plano {digest}, depois de uma alteração."
    ),
    "check.approval.when": (
        "Por {by} ({how}), sobre o digest do plano {digest}; se antes da primeira alteração não"
        " consta aqui."
    ),
    "check.approval.missing": "Houve alteração, e não há registro de aprovação.",
    "check.approval.not-needed": "Nada foi trocado.",
    "check.armed": "Rollback armado antes da troca",
    "check.armed.yes": "Sem confirmação, o próprio host faz o rollback ({guard}).",
    "check.armed.late": "O rollback foi armado depois de iniciada a troca.",
    "check.armed.when": "Um rollback foi armado; se antes da troca não consta aqui.",
    "check.armed.no": "Não há rollback armado antes da troca.",
    "check.untouched": "Outros serviços intocados",
    "check.untouched.same": "Mesmos contêineres, sem reinício: {services}.",
    "check.untouched.restarted": (
        "Mesmos contêineres, iniciados de novo após reinício do Docker ou do servidor: {services}."
    ),
    "check.untouched.changed": "Alterados: {services}.",
    "check.untouched.none": "Nenhum outro serviço foi registrado.",
    "check.outage": "Indisponibilidade medida",
    "check.evidence": "Evidências completas",
    "check.evidence.whole": "Todos os arquivos estão tal como foram selados ({count}).",
    "check.evidence.none": "Não há arquivo que se possa conferir.",
    "check.evidence.parted": "De {count} arquivos, não estão como foram selados: {names}.",
    "check.evidence.erased": "Apagado, por conter nomes de pessoas: {names}.",
    "check.evidence.dropped": (
        "Deixados de fora, pois não foi possível remover os segredos: {names}."
    ),
    "check.evidence.unread": "Linhas ilegíveis em events.ndjson: {count}.",
    "check.signature": "Assinatura",
    "check.signature.yes": "Assinaturas: {count}. Quem as confere: deployctl verify seal.json",
    "check.signature.no": "Sem assinatura: só há o digest do selo para comparar.",
    "guard.root-unit": "inclusive depois de reiniciar: unidade do systemd",
    "guard.user-unit": "inclusive depois de reiniciar: unidade do systemd do usuário",
    "guard.cron": "inclusive depois de reiniciar: @reboot no crontab",
    "guard.none": "mas não depois de reiniciar o host",
    # métricas
    "figure.total": "Tempo total",
    "figure.build": "Build",
    "figure.ship": "Envio",
    "figure.shipped": "Enviado",
    "figure.swap": "Troca",
    "figure.gate": "Comprovação pelas validações",
    "figure.outage": "Indisponibilidade",
    "figure.outages": "Cada indisponibilidade",
    "figure.probes": "Sondagens",
    "figure.rollbacks": "Rollbacks",
    "figure.rollback": "Duração do rollback",
    "figure.gates-before": "Validações antes",
    "figure.gates-after": "Validações depois",
    "figure.gates-rollback": "Validações depois do rollback",
    # comandos
    "reproduce.intro": (
        "Para digitar no host (as validações feitas pelo cliente, na máquina de quem executou)."
        " Cabeçalhos, método e corpo são os das configurações, quando houver."
    ),
    "reproduce.expected": "Esperado:",
    "reproduce.saw": "Observado {when}:",
    "reproduce.gate": "{gate} de {service}",
    "reproduce.container": "Contêiner de {service}",
    "reproduce.file": "Arquivo Compose {path}",
    "reproduce.running": "{image} running",
    "reproduce.none": "Nada foi consultado nem alterado; não há o que repetir.",
    # artefatos
    "artefact.whole": "como selado",
    "artefact.changed": "ALTERADO depois",
    "artefact.missing": "AUSENTE",
    "artefact.erased": "apagado",
    "artefacts.none": "O selo não lista arquivos.",
    "artefacts.dropped": "Não guardados, pois não foi possível remover os segredos: {names}.",
    # assinaturas e conferência
    "signatures.none": "sem assinatura",
    "signatures.unchecked": "Esta visualização não conferiu nenhuma assinatura.",
    "verify.digest": "O selo é o desta visualização",
    "verify.artefacts": "Cada arquivo está como foi selado",
    "verify.signature": "A assinatura é de alguém que o seu arquivo allowed_signers nomeia",
    "verify.validation": "{file} é de alguém que esse arquivo nomeia, e deste selo",
    "verify.all": "Tudo de uma vez, com o deployctl",
    # o gráfico
    "picture.title": "A execução ao longo do tempo",
    "picture.about": (
        "Latência da sonda de disponibilidade ao longo da execução, com as etapas logo abaixo."
    ),
    "picture.failed": "sem resposta",
    "picture.served": "sonda respondida (latência, escala logarítmica)",
    "picture.failures": "sonda falhou",
    "picture.unknowns": "inconclusivo: sem caminho até o serviço",
    "picture.switch": "troca em {at}",
    "picture.switch.short": "troca",
    "picture.outage": "indisponível por {outage} ± {resolution}",
    "picture.open": "pelo menos {outage}, ainda em curso no fim",
    "picture.rollback": "rollback, {state}",
    "picture.wait": "A espera pela aprovação ({took}) está desenhada mais curta.",
    "picture.thinned": (
        "De {samples} sondagens, {drawn} estão desenhadas: de cada momento, a mais rápida e a mais"
        " lenta, e todo momento em que houve falha."
    ),
    "picture.unkept": "Outras {count} sondagens foram contadas, mas não guardadas uma a uma.",
    "picture.none": "Não houve sonda: nenhuma amostra está desenhada.",
    "picture.lost": (
        "availability.json não está aqui tal como foi selado: nenhuma amostra está desenhada."
    ),
    "picture.events-lost": (
        "events.ndjson não está aqui tal como foi selado: a troca não está desenhada."
    ),
    "stages.caption": "Etapas",
    # histórico
    "history.caption": (
        "Evidências nesta máquina, da mais recente à mais antiga. Cada execução tem o seu selo."
    ),
    "history.this": "esta execução",
    "gates.caption": "O que cada validação exige e o que observou",
    "checks.caption": "O que as evidências mostram de cada regra",
    "figures.caption": "Medido nesta execução",
    "artefacts.caption": "Todos os arquivos que o selo identifica",
    "plan.none": "nenhum plano foi feito: a execução terminou mais cedo",
    "compose.unchanged": "O arquivo Compose não foi alterado.",
    "compose.diff-gone": (
        "A diferença não é mostrada: compose.diff não está aqui tal como foi selado."
    ),
    "command.hotfix": "hotfix",
    "command.rollback": "rollback",
    "command.confirm": "confirmação",
    "command.plan": "plano",
}
