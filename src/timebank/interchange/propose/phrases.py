"""The roles of columns, and what people write above them in five languages."""

from __future__ import annotations

from typing import Final

#: Roles that a column may have.
DAY: Final = "day"
AMOUNT: Final = "amount"
MINUTES: Final = "minutes"
EARNER: Final = "earner"
SPENDER: Final = "spender"
#: One side of an exchange, by a word that does not say which.
FROM: Final = "from"
TO: Final = "to"
ACCOUNT: Final = "account"
OTHER: Final = "other"
IN: Final = "in"
OUT: Final = "out"
DIRECTION: Final = "direction"
STATE: Final = "state"
ID: Final = "id"
NOTE: Final = "note"
ACTIVITY: Final = "activity"
CATEGORY: Final = "category"
AREA: Final = "area"
BALANCE: Final = "balance"
EMAIL: Final = "email"
NAME: Final = "name"
SURNAME: Final = "surname"
JOINED: Final = "joined"
STARTS: Final = "starts"
ENDS: Final = "ends"
#: What a sheet has besides, of which an exchange needs nothing.
JUNK: Final = "junk"

#: Role → language → phrases, divided by commas; folded when they are read.
PHRASES: Final[dict[str, dict[str, str]]] = {
    DAY: {
        "it": "data, giorno, data scambio, data dello scambio, data servizio, quando, in data",
        "en": "date, day, when, timestamp, trade date, date of exchange, exchange date, on",
        "es": "fecha, dia, cuando, fecha del intercambio, marca temporal",
        "fr": "date, jour, le, quand, date de l'echange, horodateur",
        "de": "datum, tag, wann, buchungstag, zeitstempel, buchungsdatum",
    },
    AMOUNT: {
        "it": "ore, n ore, numero ore, numero di ore, quante ore, ore scambiate, tempo, durata, "
        "tempo impiegato, quanto, quanto tempo, per quanto, per quanto tempo, quantita, importo, "
        "valore, h, ore e minuti",
        "en": "hours, hour, hrs, how many hours, time spent, duration, time, amount, quantity, "
        "credits, time credits, number of hours, length",
        "es": "horas, cuantas horas, cuanto, cuanto tiempo, tiempo, duracion, cantidad, num horas, "
        "importe, numero de horas",
        "fr": "heures, nombre d'heures, temps, temps passe, duree, combien d'heures, quantite, nb "
        "heures, montant",
        "de": "stunden, std, zeit, dauer, zeitaufwand, anzahl stunden, wie viele stunden, betrag, "
        "menge, zeitdauer",
    },
    MINUTES: {
        "it": "minuti, n minuti, durata in minuti, tempo in minuti",
        "en": "minutes, mins, min, duration in minutes, time in minutes",
        "es": "minutos, duracion en minutos",
        "fr": "minutes, duree en minutes",
        "de": "minuten, dauer in minuten",
    },
    EARNER: {
        "it": "chi ha dato, chi da, chi offre, chi ha offerto, che offre, chi dona, chi ha "
        "donato, chi ha fatto, ha fatto, fatto da, svolto da, chi ha svolto, offerente, "
        "offre, dona, donatore, donatrice, datore, chi presta, prestatore, erogatore, chi "
        "eroga, ha dato, dato da, socio accreditato, chi accredita, creditore, ore date da, "
        "accreditare a, chi aiuta, chi ha aiutato, volontario, chi ti ha aiutato, chi vi ha "
        "aiutato, chi guadagna, socio che da, che ha dato, "
        "venditore, venditrice",
        "en": "giver, given by, gives, provider, provided by, helper, earner, earned by, who "
        "gave, who helped, who helped you, seller, supplier, done by, payee, who provided, "
        "volunteer, service provider, credited to, credit account, giving member, who did "
        "it, gave",
        "es": "ofrece, quien da, quien ofrece, oferente, quien ha dado, quien ayuda, quien te "
        "ayudo, proveedor, prestador, prestadora, quien presta, realizado por, acreedor, "
        "quien dio, vendedor, vendedora, que da",
        "fr": "donneur, donneuse, qui donne, qui a donne, qui a rendu service, qui rend service, "
        "offreur, offreuse, prestataire, fournisseur, qui vous a aide, qui a aide, donne, "
        "adherent qui donne, celui qui donne, celui qui rend le service, vendeur, crediteur",
        "de": "geber, geberin, gebende, gebender, wer gab, wer hat gegeben, helfer, helferin, "
        "anbieter, anbieterin, leistungserbringer, erbringer, erbracht von, wer half, wer "
        "hat geholfen, wer hat dir geholfen, gegeben von, leistender, leistungsgeber, verkaufer, "
        "verkauferin",
    },
    SPENDER: {
        "it": "chi ha ricevuto, chi riceve, che riceve, ricevente, richiedente, riceve, per chi, "
        "a chi, beneficiario, beneficiaria, fruitore, ha ricevuto, chi ha chiesto, chi "
        "chiede, destinatario, debitore, chi fruisce, chi hai aiutato, socio addebitato, "
        "chi spende, addebitare a, a favore di, a beneficio di, chi e stato aiutato, "
        "utente, che ha ricevuto, prende, chi prende, acquirente, compratore",
        "en": "receiver, received by, receives, recipient, person helped, who received, buyer, "
        "spender, spent by, beneficiary, requester, requested by, payer, who was helped, "
        "who did you help, consumer, receiving member, debited, debit account, who for, "
        "taker, client",
        "es": "recibe, quien recibe, receptor, receptora, quien ha recibido, beneficiario, "
        "beneficiaria, solicitante, demandante, quien pide, a quien ayudaste, deudor, para "
        "quien, comprador, compradora, toma",
        "fr": "receveur, receveuse, qui recoit, qui a recu, recoit, beneficiaire, demandeur, "
        "demandeuse, acheteur, qui avez vous aide, debiteur, pour qui, adherent qui recoit, "
        "preneur, preneuse, prend, qui a ete aide",
        "de": "nehmer, nehmerin, nehmende, empfanger, empfangerin, wer bekam, wer bekam hilfe, "
        "wer nahm, wer hat bekommen, leistungsempfanger, leistungsnehmer, hilfesuchende, "
        "fur wen, wem, wem hast du geholfen, kunde, kaufer, "
        "kauferin",
    },
    FROM: {
        "it": "da, da parte di, dal socio, da chi, dal conto, socio 1, mittente, ordinante",
        "en": "from, from member, member 1, from account, sender, transferred from",
        "es": "de, de quien, desde, socio 1, remitente, emisor, ordenante",
        "fr": "de, de qui, du compte, expediteur, emetteur",
        "de": "von, von wem, von mitglied, mitglied 1, absender, sender",
    },
    TO: {
        "it": "a, al socio, al conto, socio 2",
        "en": "to, to member, member 2, to account",
        "es": "a, al, hacia, para, socio 2",
        "fr": "a, vers, au compte",
        "de": "an, an wen, an mitglied, mitglied 2",
    },
    ACCOUNT: {
        "it": "socio, socia, conto, soci, nominativo, intestatario, correntista, iscritto",
        "en": "member, account, account holder, participant, members",
        "es": "socio, socia, cuenta, miembro, usuario, usuaria",
        "fr": "adherent, adherente, compte, membre, adherents",
        "de": "mitglied, konto, teilnehmer, mitglieder, kontoinhaber",
    },
    OTHER: {
        "it": "altra persona, con chi, con, controparte, altro socio, l'altro, scambio con",
        "en": "other person, with, with whom, counterparty, other member, partner, other party, "
        "exchanged with",
        "es": "otra persona, con, con quien, contraparte",
        "fr": "autre personne, avec, avec qui, contrepartie",
        "de": "gegenkonto, mit, mit wem, partner, tauschpartner, gegenuber",
    },
    IN: {
        "it": "entrate, entrata, ore in entrata, crediti, credito, avere, ore date, accrediti, "
        "ore guadagnate",
        "en": "earned, credit, hours earned, hours given, income, hours in, in",
        "es": "entradas, haber, horas dadas, abonos, ingresos",
        "fr": "entrees, credit, heures donnees, recettes, gagne",
        "de": "haben, gutschrift, eingang, einnahmen, gegeben",
    },
    OUT: {
        "it": "uscite, uscita, ore in uscita, debiti, debito, dare, ore ricevute, addebiti, ore "
        "spese",
        "en": "spent, debit, hours spent, hours received, expenses, hours out, out",
        "es": "salidas, debe, horas recibidas, cargos, gastos",
        "fr": "sorties, debit, heures recues, depenses, depense",
        "de": "soll, lastschrift, ausgang, ausgaben, genommen",
    },
    DIRECTION: {
        "it": "dato o ricevuto, dato ricevuto, verso, movimento, segno",
        "en": "gave or received, given or received, direction, given received",
        "es": "dado o recibido, sentido, movimiento",
        "fr": "donne ou recu, sens, mouvement",
        "de": "gegeben oder bekommen, richtung, art der buchung",
    },
    STATE: {
        "it": "stato, fatto, eseguito, svolto, confermato, concluso",
        "en": "status, state, done, completed, confirmed",
        "es": "estado, hecho, realizado, confirmado",
        "fr": "etat, statut, fait, effectue, confirme",
        "de": "status, zustand, erledigt, bestatigt",
    },
    ID: {
        "it": "n, nr, num, numero, codice, id, n assegno, numero assegno, codice scambio, progr",
        "en": "id, ref, reference, no, number, code, exchange id, trade id, transaction id, "
        "cheque no, receipt",
        "es": "n, num, numero, codigo, id, referencia",
        "fr": "n, no, numero, code, id, reference, n cheque",
        "de": "nr, nummer, id, beleg, belegnummer, buchungsnummer, lfd nr",
    },
    NOTE: {
        "it": "note, nota, descrizione, annotazioni, commento, osservazioni, causale, oggetto, "
        "dettagli",
        "en": "note, notes, description, comment, comments, details, remarks, memo, what for",
        "es": "nota, notas, observaciones, descripcion, comentario, concepto, detalles",
        "fr": "note, notes, remarque, remarques, observations, commentaire, description, pour "
        "quoi, objet",
        "de": "notiz, notizen, bemerkung, bemerkungen, beschreibung, verwendungszweck, zweck, "
        "kommentar, anmerkung, text",
    },
    ACTIVITY: {
        "it": "attivita, servizio, tipo di servizio, prestazione, cosa, che cosa, per che cosa, "
        "lavoro, tipo di attivita, scambio, tipo scambio",
        "en": "service, activity, task, what, what did they do, type of help, type of service, "
        "job, kind of help, help",
        "es": "servicio, actividad, tarea, que, tipo de servicio, trabajo",
        "fr": "prestation, activite, service, quoi, tache, travail, type de service",
        "de": "leistung, tatigkeit, dienst, was, aufgabe, arbeit, art der hilfe, dienstleistung",
    },
    CATEGORY: {
        "it": "categoria, tipologia, genere, tipo",
        "en": "category, kind, type",
        "es": "categoria, tipo",
        "fr": "categorie, rubrique, type",
        "de": "kategorie, rubrik, art, typ",
    },
    AREA: {
        "it": "area, settore",
        "en": "area",
        "es": "sector",
        "fr": "secteur",
        "de": "bereich",
    },
    BALANCE: {
        "it": "saldo, saldo ore, progressivo, totale progressivo, saldo finale, ore a credito",
        "en": "balance, hours balance, running total, total so far, running balance, cumulative, "
        "balance hours",
        "es": "saldo, acumulado, saldo horas",
        "fr": "solde, cumul, solde heures",
        "de": "kontostand, saldo, laufende summe, stand",
    },
    EMAIL: {
        "it": "e mail, email, mail, indirizzo email, indirizzo e mail, posta elettronica",
        "en": "e mail, email, email address, e mail address, your email, your e mail, mail",
        "es": "correo, correo electronico, email, direccion de correo electronico",
        "fr": "courriel, adresse e mail, email, adresse mail, mail",
        "de": "e mail, email, e mail adresse, mailadresse",
    },
    NAME: {
        "it": "nome, nome e cognome, cognome e nome, nome socio",
        "en": "name, first name, full name, your name, forename",
        "es": "nombre, nombre y apellidos, nombre completo",
        "fr": "nom, nom et prenom, prenom, nom prenom",
        "de": "name, vorname, vor und nachname",
    },
    SURNAME: {
        "it": "cognome",
        "en": "surname, last name, family name",
        "es": "apellido, apellidos",
        "fr": "nom de famille",
        "de": "nachname, familienname",
    },
    JOINED: {
        "it": "iscritto dal, iscrizione, data iscrizione, socio dal, adesione",
        "en": "joined, member since, date joined, joined on",
        "es": "alta, fecha de alta, socio desde",
        "fr": "adhesion, date d'adhesion, membre depuis, inscription",
        "de": "beitritt, mitglied seit, eintritt",
    },
    STARTS: {
        "it": "dalle, ora inizio, inizio, dalle ore, ora di inizio",
        "en": "start, start time, begin, from time, started at",
        "es": "hora inicio, inicio, desde las",
        "fr": "debut, heure de debut, de heure",
        "de": "beginn, start, uhrzeit von, anfang",
    },
    ENDS: {
        "it": "alle, ora fine, fine, alle ore, ora di fine",
        "en": "end, end time, finish, to time, ended at",
        "es": "hora fin, fin, hasta las",
        "fr": "fin, heure de fin",
        "de": "bis, ende, uhrzeit bis",
    },
    JUNK: {
        "it": "km, rimborso, euro, firma, telefono, cellulare, nato il, data di nascita, "
        "indirizzo, citta, cap, voto, data richiesta, richiesto il, scadenza, tessera, "
        "costo, spese, referente, responsabile, coordinatore, coordinatrice, operatore, sportello, "
        "registrato da, inserito da, approvato da, verificato da, testimone, tutor",
        "en": "km, miles, refund, signature, phone, mobile, born, date of birth, address, town, "
        "postcode, rating, would you recommend us, requested on, due, cost, expenses, "
        "supervisor, coordinator, witness, approved by, recorded by, entered by, checked by, "
        "verified by, authorised by, authorized by",
        "es": "km, firma, telefono, movil, nacimiento, direccion, ciudad, euros, valoracion, "
        "coordinador, coordinadora, responsable, registrado por, aprobado por, testigo",
        "fr": "km, signature, telephone, portable, ne le, adresse, ville, euros, frais, "
        "referent, responsable, coordinateur, coordinatrice, saisi par, valide par, temoin",
        "de": "km, unterschrift, telefon, handy, geboren, adresse, ort, plz, euro, kosten, "
        "koordinator, koordinatorin, betreuer, erfasst von, eingetragen von, gepruft von, zeuge",
    },
}
