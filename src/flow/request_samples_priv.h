/* flow/request -- letters in a sentence or two, for its tests: what asks, and
 * what is ordinary.  Only included by tests.
 */
#ifndef FLOW_REQUEST_SAMPLES_PRIV_H
#define FLOW_REQUEST_SAMPLES_PRIV_H

/* Each is there for a rule that no other one meets; of the section [money]. */
static const char *const asks_for_money[] = {
    "Please transfer the deposit to the following account by noon.",
    "Kindly wire the funds today.",
    "I need you to process a payment for a vendor before the end of the "
    "day.",
    "Could you settle the attached invoice this week?",
    "I have an urgent wire transfer for you to handle, are you at your "
    "desk?",
    "Please transfer 5000 euros to this new bank account today.",
    "Transfer it to this new bank account today.",
    "Could you wire EUR 48,000 before noon?",
    "Your invoice 4411 is overdue.",
    "There is an overdue invoice 4411, please arrange everything today.",
    "Pay within 24 hours or your files are gone.",
    "Please note our new bank details below.",
    "Payment instructions have changed, use those in the attachment.",
    "I would like to change my direct deposit before the next pay day.",
    "All future payments should be made to the account in the "
    "attachment.",
    "Can you buy five gift cards for a client, I am in a meeting.",
    "Take the gift cards out, scratch them and mail me the codes.",
    "Send 0.5 bitcoin to this wallet.",
    "This is my BTC wallet, pay before Friday.",
    "A small customs fee of 2.99 is required for your parcel.",
    "You only have to pay the delivery fee.",
    "The sum of 8 million dollars was left by my late client.",
    "Take 40 percent of the total sum.",
    "Your commission is 10 percent.",
    "You can send it by Western Union.",
    "A fee must be paid.",
    "请尽快把这笔钱汇到对方那里",
    "货款打到新账户",
    "我们公司的银行账户已变更",
    "附件里是新的收款账号",
    "你帮我买几张苹果礼品卡",
    "比特币转到这个钱包",
    "汇0.5个比特币",
    "清关费需要先交",
    "先付保证金就可以提货",
    "您的账单已逾期，请处理",
};

/* The same of [credentials]. */
static const char *const asks_for_credentials[] = {
    "请填写银行卡号",
    "Please confirm your mailbox password by return.",
    "Verify your account now.",
    "Click the link below to verify your account.",
    "Sign in to verify your identity.",
    "Your account will be suspended.",
    "Your password expires soon, click here.",
    "Your mailbox is almost full, log in and clean up.",
    "We noticed unusual sign-in activity, please review it.",
    "To keep the same password use the button.",
    "Enter your email password on the page.",
    "What is your password?",
    "Send me the verification code that you just got.",
    "请提供您的卡号",
    "点击链接验证您的账户",
    "您的账户将被冻结",
    "您的邮箱空间已满，请点击扩容",
    "发现异地登录，请立即确认",
    "把验证码发给我",
};

/* What thieves write, put down before the rules had seen it. */
static const char *const frauds[] = {
    "Hi, are you in the office? I need a favour: get me 10 Google Play "
    "cards of 100 each, scratch the back and send me the pictures. I "
    "will pay you back today.",
    "Dear customer, we have detected a problem with your billing "
    "information. Please update your payment details within 24 hours to "
    "avoid suspension of your service.",
    "Your Netflix membership has been put on hold. Update your payment "
    "information now to keep watching.",
    "Dear user, your webmail storage has exceeded its limit. Click here "
    "to upgrade your quota or you will lose your messages.",
    "This is the IT department. We are migrating all mailboxes; reply "
    "with your user name and password so that yours is not lost.",
    "Attention! I have recorded you through your webcam. Transfer $900 "
    "in bitcoin to my wallet or I will send the video to all your "
    "contacts.",
    "We changed our bank. Please use the new account details below for "
    "the invoice of last month and all invoices to come.",
    "Please be informed that our bank account is under audit and cannot "
    "take payments. Kindly remit to our subsidiary's account attached.",
    "I'm in a board meeting and can't talk. I need you to make a wire "
    "to a new vendor today, it is confidential.",
    "Your parcel could not be delivered. Pay the redelivery fee of 1.99 "
    "to schedule a new delivery.",
    "Your Apple ID has been locked for security reasons. Verify your "
    "account now to restore access.",
    "Dear beneficiary, you have been awarded a compensation fund of 2.5 "
    "million USD. Send us your bank details and a copy of your "
    "passport.",
    "Hello, this is the payroll department: I have changed banks and "
    "would like to update my direct deposit information before the next "
    "payroll.",
    "Final notice: your invoice #88213 is past due. Remit payment today "
    "to avoid legal action.",
    "A new sign-in from Russia to your account was detected. If this "
    "was not you, secure your account by confirming your password.",
    "Your password will expire in 24 hours. Click the button below to "
    "keep your current password.",
    "You have 5 undelivered messages. Sign in to release the messages "
    "to your inbox.",
    "DocuSign: a document is waiting for you. Log in with your email "
    "and password to view the document.",
    "Your account has been limited. Please confirm your identity by "
    "clicking the link below.",
    "Can you send me the six-digit code you just received? I used your "
    "number by mistake.",
    "Dear friend, I am the widow of a late oil minister and want to "
    "move 15 million dollars out of the country. Your share is 30%.",
    "Please process the attached invoice for immediate payment and send "
    "me the confirmation.",
    "Your tax refund is ready. Please enter your card number to receive "
    "it.",
    "URGENT: your domain expires today. Pay now to avoid losing it.",
    "Mail server notice: validate your mailbox now or it will be "
    "deactivated.",
    "I want you to purchase gift cards for some clients, can you get "
    "this done in the next 30 minutes?",
    "The supplier asks that the payment be sent to their new IBAN, see "
    "attached letter.",
    "To continue using online banking you must re-validate your account "
    "here.",
    "We need your credit card details to finish your booking. Please "
    "reply with your card number, expiry date and security code.",
    "Your mailbox is almost full. Login to increase your storage limit.",
    "Your wallet has been suspended. Enter your recovery phrase to "
    "unlock it.",
    "Please arrange the payment of EUR 48,500 to the beneficiary below "
    "before 3 pm today.",
    "As discussed with the CEO, the acquisition must stay confidential; "
    "transfer the funds to the lawyer's account today.",
    "Amazon: your order of 1,299 USD has been placed. If you did not "
    "place this order, sign in to confirm your identity and cancel it.",
    "Your electricity will be cut off today unless you pay the "
    "outstanding balance by gift card.",
    "Help! I lost my wallet in London and need you to send me 1500 "
    "pounds by Western Union.",
    "Verify your email account to continue receiving messages.",
    "The ransom is 2 BTC. Pay it and your files come back.",
    "Customs has held your package. A fee must be paid before release.",
    "Kindly confirm your social security number so that we can file "
    "your return.",
    "尊敬的用户，您的邮箱即将停用，请点击以下链接验证您的账户，否则将无法收发邮"
    "件。",
    "我是王总，现在在开会不方便接电话，你马上安排给客户转账20万，账号稍后发你"
    "。",
    "因公司账户年检，我司收款账户已变更，请将货款汇至以下新账户。",
    "您的银行卡存在异常登录，请立即登录验证身份信息。",
    "您有一笔工资补贴待领取，请扫描二维码登记银行卡号和密码。",
    "帮我买五张苹果礼品卡，把卡密拍照发给我。",
    "您的包裹因欠关税被扣留，请支付关税后放行。",
    "请提供您的账号和密码以便我们升级邮箱系统。",
    "您的ETC已失效，请点击链接重新认证您的账户。",
    "我换了银行卡，这个月工资请打到新账户。",
    "系统检测到您的密码即将过期，点击此处保留当前密码。",
    "請於24小時內匯款至以下帳戶，以免影響出貨。",
    "您的帳戶已被凍結，請立即登入更新資料。",
    "恭喜您中奖，请先缴纳手续费即可领取奖金。",
};

/* What people and their shops, banks and colleagues write. */
static const char *const ordinary[] = {
    "Hi Anna, thanks for lunch yesterday. Shall we meet on Tuesday at "
    "ten to go through the draft?",
    "Please find attached the invoice for October. Thank you for your "
    "business.",
    "Thank you for your payment. Your receipt is attached.",
    "Your order has shipped and will arrive on Thursday. Track your "
    "parcel at any time.",
    "Could you please confirm your attendance by Friday so that we can "
    "order food?",
    "The password policy was changed last week; nothing needs to be "
    "done.",
    "I will be out of the office until Monday. For urgent matters "
    "please contact my colleague.",
    "We will never ask you for your password or your card number.",
    "Please do not share your password with anybody.",
    "Attached are the minutes of the last meeting. Let me know if "
    "something is missing.",
    "Can you review the pull request before the release? The tests pass "
    "on my machine.",
    "The build is broken again; the account service does not start "
    "because the configuration has changed.",
    "Reminder: your appointment with the dentist is on 3 March at 9:30.",
    "Happy birthday! Have a wonderful day and see you on the weekend.",
    "The quarterly report shows that payments to suppliers went up by "
    "four percent.",
    "Shall I send the statement of this account to the new bank?",
    "The buyer transferred 5000 euros last week.",
    "Please transfer the call to Tom.",
    "I have transferred the files to the server, you can fetch them "
    "from the share.",
    "The bank holiday is on Monday, so the office is closed.",
    "Please verify the numbers in the table before we publish.",
    "Please update your calendar: the workshop moves to room 12.",
    "Our accountant will send the bank statement next week.",
    "Your subscription has been renewed. You need to do nothing.",
    "Please review the attached contract and send me your comments.",
    "The new employee starts on Monday; can you prepare an account for "
    "her?",
    "Your ticket 4411 has been closed. If the problem comes back, reply "
    "to this message.",
    "I forgot the password of the test machine, but found it in the "
    "vault.",
    "We discussed how to verify a signature and why bitcoin uses so "
    "much energy.",
    "The gift card that you ordered for your mother is on its way.",
    "Let us move the payment module to its own package.",
    "Please click on the link below to join the video call.",
    "Here is the link to the photos: have a look when you have time.",
    "The mail server will be restarted tonight; your mailbox will not "
    "be reachable for ten minutes.",
    "Your flight to Lisbon is confirmed. Check in opens 24 hours before "
    "departure.",
    "The authority asks for the certificate of incorporation and the "
    "last balance sheet.",
    "Your library books are due on 14 May.",
    "The customs office in Hamburg opens at eight.",
    "Please send me the slides of your talk when you are back.",
    "The price is 4,500 euros plus tax; payment terms are 30 days net.",
    "We received your application and will be in touch within two "
    "weeks.",
    "The parents' evening takes place on Thursday; please bring a cake "
    "if you can.",
    "The address of the new office is 12 Main Street, second floor.",
    "The committee asked you to review two papers until June.",
    "Your pull request was merged. Thank you for your contribution.",
    "The patch changes how the wallet class stores its keys.",
    "My account of the events differs from that in the paper.",
    "Please return the signed form to the front desk.",
    "The heating in building B will be switched off from Friday on.",
    "A new version of the software is available; see the release notes.",
    "The release fee of the conference room is paid by the department.",
    "I confirm that I have read the terms.",
    "Your feedback has been sent to the support team.",
    "感谢您的来信，会议改到周三上午十点。",
    "附件是上个月的发票，请查收。",
    "我们已收到您的付款，谢谢。",
    "请不要把密码告诉任何人，我们不会要求您提供密码。",
    "今天的会议纪要已发到群里，请大家查看。",
    "您的订单已发货，预计周四送达。",
    "祝您生日快乐，周末见。",
    "麻烦你看一下这份合同，有问题告诉我。",
    "新同事下周一入职，请帮她准备工位。",
    "系统今晚维护，期间邮箱暂时无法使用。",
    "请确认您是否参加周五的培训。",
    "图书馆的书请在五月十四日前归还。",
};

#endif
