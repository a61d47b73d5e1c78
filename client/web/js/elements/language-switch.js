/** language-switch.js - `<language-switch>`: one button for each language. */
import { make, makeButton } from '../dom.js';
import { currentLanguage, i18n, LANGUAGES, setLanguage, t } from '../i18n.js';

const NAMES = { en: 'English', de: 'Deutsch' };

export class LanguageSwitch extends HTMLElement {
  connectedCallback() {
    if (this.childElementCount) return;
    const group = make('div', 'languages');
    group.setAttribute('role', 'group');
    const buttons = LANGUAGES.map((language) => {
      const button = makeButton(language.toUpperCase(), 'quiet', () => setLanguage(language));
      button.lang = language;
      button.title = NAMES[language];
      button.setAttribute('aria-label', NAMES[language]);
      return button;
    });
    group.append(...buttons);
    this.append(group);
    const update = () => {
      group.setAttribute('aria-label', t('language.label'));
      for (const button of buttons) button.setAttribute('aria-pressed', String(button.lang === currentLanguage()));
    };
    i18n.addEventListener('language', update);
    update();
  }
}

customElements.define('language-switch', LanguageSwitch);
