"""What the tool itself says of a run's end, in Portuguese, clause by clause.

`{target}` is the ` --target NAME` that a command may have; the other places hold names.
"""

from typing import Final

SENTENCES: Final = {
    # o motivo
    "{release} is live and every gate holds": (
        "{release} está no ar e todas as validações são cumpridas"
    ),
    "{release} was live already": "{release} já estava no ar",
    "every gate holds": "todas as validações são cumpridas",
    "{release} serves again and holds the gates that it held before": (
        "{release} atende novamente e cumpre as validações que cumpria antes"
    ),
    "Run {run} is confirmed: {release} is live and every gate holds": (
        "A execução {run} foi confirmada: {release} está no ar e todas as validações são cumpridas"
    ),
    "Interrupted": "Interrompido",
    "Interrupted before the switch": "Interrompido antes da troca",
    # a produção
    "{release} serves": "{release} atende",
    "{release} serves, as before": "{release} atende, como antes",
    "Production was not touched": "A produção não foi alterada",
    "This command touched nothing": "Este comando não alterou nada",
    "what runs does not hold its gates": "o que está em execução não cumpre as suas validações",
    "{release} serves again, the image and containers of before": (
        "{release} atende novamente, com a imagem e os contêineres de antes"
    ),
    "{release} runs again, the image and containers of before": (
        "{release} está novamente em execução, com a imagem e os contêineres de antes"
    ),
    "{release} is in place again, stopped as it was before": (
        "{release} está novamente no lugar, parada como estava antes"
    ),
    "The new container was removed: there was none before": (
        "O novo contêiner foi removido: antes não havia nenhum"
    ),
    "the Compose file is as before": "o arquivo Compose está como antes",
    "the Compose file keeps what somebody else edited meanwhile, with the image of before in it": (
        "o arquivo Compose mantém o que outra pessoa editou nesse meio-tempo, com a imagem de antes"
    ),
    "the broken Compose file is replaced by its reconstruction, with the image of before": (
        "o arquivo Compose danificado foi trocado pela sua reconstrução, com a imagem de antes"
    ),
    "A person is needed: the host may run the new release, the old one, or none": (
        "É preciso que alguém intervenha: o host pode estar executando a nova release, a antiga ou"
        " nenhuma"
    ),
    "The new release stays in place, although it was not proven good": (
        "A nova release permanece, embora não tenha sido comprovada"
    ),
    "{release} is live, and not proven by this run": (
        "{release} está no ar, sem comprovação por esta execução"
    ),
    "{release} was put in place, but it is not proven good": (
        "{release} foi colocada no lugar, mas não foi comprovada"
    ),
    "What ran before this rollback was put back, and is not proven": (
        "O que estava em execução antes deste rollback foi restaurado, sem comprovação"
    ),
    # o próximo passo
    "deployctl rollback{target} goes back to the release before": (
        "deployctl rollback{target} volta à release anterior"
    ),
    "deployctl history{target} shows the other releases": (
        "deployctl history{target} mostra as outras releases"
    ),
    "Mend the commit, then deployctl hotfix{target} --sha NEW_SHA": (
        "Corrija o commit e execute deployctl hotfix{target} --sha NEW_SHA"
    ),
    "Why it failed is above and in the evidence": "O motivo da falha está acima e nas evidências",
    "Run the same command again": "Execute o mesmo comando novamente",
    "Then run the same command again": "Depois, execute o mesmo comando novamente",
    "Check the network": "Verifique a rede",
    "The host gives its lock back by itself": "O host libera o bloqueio por si só",
    "See whether the host answers again: deployctl doctor{target}": (
        "Veja se o host volta a responder: deployctl doctor{target}"
    ),
    (
        "The release may be good: see why that could not be proven (above and in the evidence;"
        " deployctl doctor{target})"
    ): (
        "A release pode estar boa: veja por que isso não pôde ser comprovado (acima e nas"
        " evidências; deployctl doctor{target})"
    ),
    (
        "Mend what the host says of it: in the commit, then deployctl hotfix{target} --sha"
        " NEW_SHA; or on the host, then run the same command again"
    ): (
        "Corrija o que o host aponta: no commit, e execute deployctl hotfix{target} --sha NEW_SHA;"
        " ou no host, e execute o mesmo comando novamente"
    ),
    "Look at the difference, then run the same command again for a new plan": (
        "Veja a diferença e execute o mesmo comando novamente, para um novo plano"
    ),
    "Wait for it (--lock-wait 5m), or look at it: deployctl status{target}": (
        "Espere que termine (--lock-wait 5m) ou veja como está: deployctl status{target}"
    ),
    "Check the network, then look at the host: deployctl status{target}": (
        "Verifique a rede e depois o host: deployctl status{target}"
    ),
    "Look at the host: deployctl status{target}": "Veja o host: deployctl status{target}",
    "Please report it with bug.txt": "Por favor, relate-o com o arquivo bug.txt",
}
