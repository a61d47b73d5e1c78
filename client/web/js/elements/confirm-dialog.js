/** confirm-dialog.js - `<confirm-dialog>`: asks before what cannot be undone. */
import { make, makeButton } from '../dom.js';
import { t } from '../i18n.js';

export class ConfirmDialog extends HTMLElement {
  /**
   * @param {{title: string, text: string, confirm: string, confirmId?: string}} question
   * @returns {Promise<boolean>}
   */
  ask({ title, text, confirm, confirmId = 'confirm' }) {
    const dialog = make('dialog');
    const heading = make('h2', '', title);
    heading.id = 'confirm-title';
    dialog.setAttribute('aria-labelledby', heading.id);
    const yes = makeButton(confirm, 'primary', () => dialog.close('yes'));
    yes.id = confirmId;
    const no = makeButton(t('common.cancel'), '', () => dialog.close(''));
    dialog.append(heading, make('p', '', text), make('div', 'actions', [yes, no]));
    this.replaceChildren(dialog);
    dialog.showModal();
    no.focus();
    return new Promise((resolve) => dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    }, { once: true }));
  }
}

customElements.define('confirm-dialog', ConfirmDialog);
