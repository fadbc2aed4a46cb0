"""Phone numbers of accounts, and the text messages with codes.

errors         errors with GoTrue's codes
phone_number   the normalized form of a number
text_messages  codes, and the queue of text messages. Sign-in and second factors send through it
sms_hook       posts the messages of the queue to the operator's address
"""
