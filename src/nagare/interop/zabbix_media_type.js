// Sends a problem of a trigger, its updates and its end to Nagare. What is thrown is tried again by the media type's attempts.
var told = JSON.parse(value);
var address = told.nagare_url;
var key = told.nagare_key;
var proxy = told.http_proxy;

delete told.nagare_url;
delete told.nagare_key;
delete told.http_proxy;

function isSet(text) {
    return typeof text === 'string' && text !== '' && text.charAt(0) !== '{';
}

if (!isSet(address) || !isSet(key)) {
    throw 'set the global macros {$NAGARE.URL} and {$NAGARE.KEY}, the second as a secret text';
}
if (told.event_source !== '0') {
    throw 'Nagare takes problems of triggers only: send it none of discovery, autoregistration, services or internal events';
}

var request = new HttpRequest();
if (isSet(proxy)) {
    request.setProxy(proxy);
}
request.addHeader('Content-Type: application/json');
request.addHeader('Authorization: Bearer ' + key);

var answer = request.post(address.replace(/\/+$/, '') + '/api/v1/webhooks/zabbix', JSON.stringify(told));
var status = request.getStatus();
if (status !== 200) {
    Zabbix.log(4, '[ Nagare ] ' + status + ': ' + answer);
    throw 'Nagare answered ' + status + ': ' + answer;
}

var tags = {};
try {
    tags = JSON.parse(answer).tags || {};
} catch (error) {
    Zabbix.log(4, '[ Nagare ] took it, and its answer cannot be read: ' + error);
}
return JSON.stringify({tags: tags});
