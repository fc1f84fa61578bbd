//nolint:misspell // French and Spanish
package localca

// text is what the install page says. limits takes the CA's name and its last day.
type text struct {
	title, why              string
	get, getHow, download   string
	compare, compareHow     string
	install, installHow     string
	steps                   [][2]string
	open, openHow, openLink string
	limits                  string
}

func words() map[string]*text {
	return map[string]*text{
		"en": {
			title:      "Trust this lab box",
			why:        "This box encrypts what you send to it, such as passwords. Your browser does not know the box yet. Install its certificate once, and the warning is gone.",
			get:        "Get the certificate",
			getHow:     "Save the file. Do not install it before you have done step 2.",
			download:   "Download labbox-ca.crt",
			compare:    "Compare the fingerprint",
			compareHow: "Somebody on this network could have changed this page. Open the file that you saved and look for its SHA-256 fingerprint. It must be the one that your teacher shows (on the box's console, in the line that begins with fingerprint), letter by letter. It should also be this one:",
			install:    "Install it",
			installHow: "As a certificate authority (CA), for websites only. Choose your device:",
			steps: [][2]string{
				{"Windows (Edge, Chrome)", "Double-click the file; Install Certificate; Current User; Place all certificates in the following store: Trusted Root Certification Authorities."},
				{"macOS (Safari, Chrome)", "Double-click the file to add it to Keychain Access; double-click the entry there; Trust; When using this certificate: Always Trust."},
				{"iPhone, iPad", "Open this page in Safari, download and allow the profile. Settings, Profile Downloaded, Install. Then Settings, General, About, Certificate Trust Settings: turn the certificate on."},
				{"Android", "Settings, Security, Encryption and credentials, Install a certificate, CA certificate. Choose the file."},
				{"Chromebook", "Settings, Privacy and security, Security, Manage certificates, Authorities, Import. Tick: Trust this certificate for identifying websites."},
				{"Linux (Chromium, Chrome)", "Settings, Privacy and security, Security, Manage certificates, Authorities, Import. Tick: Trust this certificate for identifying websites."},
				{"Firefox on any computer", "Settings, Privacy and Security, View Certificates, Authorities, Import. Tick: Trust this CA to identify websites."},
			},
			open:     "Open the lab",
			openHow:  "If there is no warning, it worked. You may have to restart the browser.",
			openLink: "Open the lab",
			limits:   "The certificate is called %s and holds until %s. It can vouch for names that end in .local and for addresses of local networks, not for sites on the internet. Remove it when you no longer work with this box.",
		},
		"fr": {
			title:      "Faire confiance à ce boîtier",
			why:        "Ce boîtier chiffre ce que vous lui envoyez, par exemple les mots de passe. Votre navigateur ne le connaît pas encore. Installez son certificat une fois, et l’avertissement disparaît.",
			get:        "Obtenir le certificat",
			getHow:     "Enregistrez le fichier. Ne l’installez pas avant l’étape 2.",
			download:   "Télécharger labbox-ca.crt",
			compare:    "Comparer l’empreinte",
			compareHow: "Quelqu’un sur ce réseau a pu modifier cette page. Ouvrez le fichier enregistré et cherchez son empreinte SHA-256. Elle doit être celle que montre l’enseignant (sur la console du boîtier, à la ligne qui commence par fingerprint), caractère par caractère. Elle devrait aussi être celle-ci :",
			install:    "L’installer",
			installHow: "Comme autorité de certification (AC), pour les sites web uniquement. Choisissez votre appareil :",
			steps: [][2]string{
				{"Windows (Edge, Chrome)", "Double-cliquez sur le fichier ; Installer un certificat ; Utilisateur actuel ; Placer tous les certificats dans le magasin suivant : Autorités de certification racines de confiance."},
				{"macOS (Safari, Chrome)", "Double-cliquez sur le fichier pour l’ajouter au Trousseau d’accès ; double-cliquez sur l’entrée ; Se fier ; Lors de l’utilisation de ce certificat : Toujours approuver."},
				{"iPhone, iPad", "Ouvrez cette page dans Safari, téléchargez et autorisez le profil. Réglages, Profil téléchargé, Installer. Puis Réglages, Général, Informations, Réglages des certificats : activez le certificat."},
				{"Android", "Paramètres, Sécurité, Chiffrement et identifiants, Installer un certificat, Certificat CA. Choisissez le fichier."},
				{"Chromebook", "Paramètres, Confidentialité et sécurité, Sécurité, Gérer les certificats, Autorités, Importer. Cochez : faire confiance à ce certificat pour identifier les sites web."},
				{"Linux (Chromium, Chrome)", "Paramètres, Confidentialité et sécurité, Sécurité, Gérer les certificats, Autorités, Importer. Cochez : faire confiance à ce certificat pour identifier les sites web."},
				{"Firefox sur tout ordinateur", "Paramètres, Vie privée et sécurité, Afficher les certificats, Autorités, Importer. Cochez : confirmer cette AC pour identifier des sites web."},
			},
			open:     "Ouvrir le labo",
			openHow:  "Sans avertissement, c’est réussi. Il faut parfois relancer le navigateur.",
			openLink: "Ouvrir le labo",
			limits:   "Le certificat s’appelle %s et vaut jusqu’au %s. Il ne peut garantir que des noms qui finissent par .local et des adresses de réseaux locaux, pas des sites d’internet. Supprimez-le quand vous ne travaillez plus avec ce boîtier.",
		},
		"es": {
			title:      "Confiar en esta caja de laboratorio",
			why:        "Esta caja cifra lo que usted le envía, por ejemplo las contraseñas. Su navegador aún no la conoce. Instale su certificado una vez y la advertencia desaparece.",
			get:        "Obtener el certificado",
			getHow:     "Guarde el archivo. No lo instale antes del paso 2.",
			download:   "Descargar labbox-ca.crt",
			compare:    "Comparar la huella",
			compareHow: "Alguien en esta red pudo haber cambiado esta página. Abra el archivo guardado y busque su huella SHA-256. Debe ser la que muestra su docente (en la consola de la caja, en la línea que empieza por fingerprint), carácter por carácter. También debería ser esta:",
			install:    "Instalarlo",
			installHow: "Como autoridad de certificación (CA), solo para sitios web. Elija su dispositivo:",
			steps: [][2]string{
				{"Windows (Edge, Chrome)", "Haga doble clic en el archivo; Instalar certificado; Usuario actual; Colocar todos los certificados en el siguiente almacén: Entidades de certificación raíz de confianza."},
				{"macOS (Safari, Chrome)", "Haga doble clic en el archivo para añadirlo a Acceso a Llaveros; haga doble clic en la entrada; Confiar; Al utilizar este certificado: Confiar siempre."},
				{"iPhone, iPad", "Abra esta página en Safari, descargue y permita el perfil. Ajustes, Perfil descargado, Instalar. Después Ajustes, General, Información, Ajustes de confianza de los certificados: active el certificado."},
				{"Android", "Ajustes, Seguridad, Cifrado y credenciales, Instalar un certificado, Certificado de CA. Elija el archivo."},
				{"Chromebook", "Configuración, Privacidad y seguridad, Seguridad, Gestionar certificados, Autoridades, Importar. Marque: confiar en este certificado para identificar sitios web."},
				{"Linux (Chromium, Chrome)", "Configuración, Privacidad y seguridad, Seguridad, Gestionar certificados, Autoridades, Importar. Marque: confiar en este certificado para identificar sitios web."},
				{"Firefox en cualquier ordenador", "Ajustes, Privacidad y seguridad, Ver certificados, Autoridades, Importar. Marque: confiar en esta CA para identificar sitios web."},
			},
			open:     "Abrir el laboratorio",
			openHow:  "Si no hay advertencia, ha funcionado. A veces hay que reiniciar el navegador.",
			openLink: "Abrir el laboratorio",
			limits:   "El certificado se llama %s y vale hasta el %s. Solo puede responder por nombres que terminan en .local y por direcciones de redes locales, no por sitios de internet. Elimínelo cuando ya no trabaje con esta caja.",
		},
	}
}
